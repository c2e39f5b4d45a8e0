"""The number of PyTorch's threads while an `ask` learns, and after it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import torch

import gdopt
from gdopt.study.study import Study
from gdopt.threads import one_thread
from gdopt.trials.state import State
from tests.strategies import LINE


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Counting:
    """Random search that notes how many threads it was asked on, and can be made to raise."""

    seen: list[int] = field(default_factory=list)
    error: Exception | None = None

    def init(self, space: gdopt.Space, seed: int) -> State:
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        self.seen.append(torch.get_num_threads())
        if self.error is not None:
            raise self.error
        return gdopt.RandomSearch().ask(state, n)


@pytest.mark.usefixtures("two_threads")
def test_an_algorithm_is_asked_on_one_thread_and_the_others_come_back() -> None:
    algorithm = Counting()
    Study(LINE, direction="maximize", algorithm=algorithm).ask(2)
    assert (algorithm.seen, torch.get_num_threads()) == ([1], 2)


@pytest.mark.usefixtures("two_threads")
def test_the_threads_come_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError, match="why"):
        Study(LINE, direction="maximize", algorithm=Counting(error=ZeroDivisionError("why"))).ask(2)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_threads_come_back_where_two_of_the_process_ask_at_once() -> None:
    inside, leave = threading.Event(), threading.Event()
    after: list[int] = []

    def other() -> None:
        with one_thread():
            inside.set()
            assert leave.wait(10)
        after.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        assert inside.wait(10)
    after.append(torch.get_num_threads())
    leave.set()
    thread.join()
    fresh = threading.Thread(target=lambda: after.append(torch.get_num_threads()))
    fresh.start()
    fresh.join()
    assert after == [2, 2, 2]
