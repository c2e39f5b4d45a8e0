"""Shares of the pool by what sources were worth."""

import pytest

from gdopt.candidates.portfolio import portfolio
from gdopt.trials.trial import Result, Status, Trial

FIRST = {"a": 0.5, "b": 0.3, "c": 0.2}


def trials(**values: list[float]) -> list[Trial]:
    """Done trials of some sources, the best first."""
    pairs = sorted(((name, value) for name, of in values.items() for value in of), key=lambda pair: -pair[1])
    return [
        Trial(i, {"x": 0.0}, Status.DONE, Result(value), round=0, source=name) for i, (name, value) in enumerate(pairs)
    ]


def test_before_anything_is_tried_shares_are_the_first_ones() -> None:
    assert portfolio(FIRST, []) == pytest.approx(FIRST)


def test_a_source_with_all_the_hits_gains_what_the_formula_says() -> None:
    tried = trials(a=[float(i) for i in range(10)], b=[100.0 + i for i in range(10)])
    # Five of twenty are hits, all of b; of each 2.5 were expected.
    worth = {"a": 0.5 * 1 / 3.5, "b": 0.3 * 6 / 3.5, "c": 0.2}
    assert portfolio(FIRST, tried) == pytest.approx({k: v / sum(worth.values()) for k, v in worth.items()})


def test_sources_of_equal_worth_keep_their_shares() -> None:
    tried = trials(a=[1.0, 2.0, 3.0, 4.0] * 3, b=[1.0, 2.0, 3.0, 4.0] * 3)
    assert portfolio(FIRST, tried) == pytest.approx(FIRST, rel=0.01)


def test_designs_of_other_sources_do_not_count() -> None:
    tried = trials(a=[1.0, 2.0, 3.0, 4.0])
    assert portfolio(FIRST, trials(start=[9.0] * 9) + tried) == portfolio(FIRST, tried)


def test_no_source_is_given_up_after_a_hundred_failures() -> None:
    shares = portfolio(FIRST, trials(a=[0.0] * 100, b=[1.0] * 100))
    assert 0 < shares["a"] < 0.05
    assert sum(shares.values()) == pytest.approx(1)
