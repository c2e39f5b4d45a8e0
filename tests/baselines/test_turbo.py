"""TuRBO-1: its trust region against the rule written out, and where its candidates lie."""

import math
from dataclasses import dataclass

import gpytorch
import pytest
import torch

import gdopt
from gdopt.baselines.turbo import TuRBO, region_of
from gdopt.study.study import Study
from gdopt.trials.proposals import append
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status
from tests.strategies import drive, settled

DIM = 6


@dataclass
class Rule:
    """The trust region as the tutorial has it: counters that are moved in place."""

    batch: int
    best: float
    length: float = 0.8
    wins: int = 0
    losses: int = 0
    over: bool = False

    def update(self, values: list[float]) -> None:
        if max(values) > self.best + 1e-3 * math.fabs(self.best):
            self.wins += 1
            self.losses = 0
        else:
            self.wins = 0
            self.losses += 1
        if self.wins == 10:
            self.length = min(2.0 * self.length, 1.6)
            self.wins = 0
        elif self.losses == math.ceil(max([4.0 / self.batch, DIM / self.batch])):
            self.length /= 2.0
            self.losses = 0
        self.best = max(self.best, max(values))
        self.over = self.length < 0.5**7


def recorded(rounds: list[list[float]]) -> list[State]:
    """The states after each round: the first of the start, the others of the trust region."""
    state = State(gdopt.Space.from_bounds([(0, 1)] * DIM), 0)
    states = []
    for k, values in enumerate(rounds):
        first, n = len(state.trials), len(values)
        params = [dict.fromkeys(state.space.names, 0.5)] * n
        state = append(state, params, [TuRBO.source if k else "start"] * n, [None] * n, {})
        state = settled(state, {first + i: Result(v) for i, v in enumerate(values)})
        states.append(state)
    return states


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_length_follows_the_tutorials_rule_on_a_recorded_history(batch: int) -> None:
    generator = torch.Generator().manual_seed(batch)
    # Twelve rounds that gain, as many of luck, then some that gain nothing.
    drift = [k if k < 12 else 12 + 0.01 * k * (k < 24) for k in range(40)]
    rounds = [[d + 0.3 * float(torch.randn((), generator=generator)) for _ in range(batch)] for d in drift]
    rule, lengths, states = Rule(batch, max(rounds[0])), [], recorded(rounds)
    for values, state in zip(rounds[1:], states[1:], strict=True):
        rule.update(values)
        if rule.over:
            break
        lengths.append((rule.length, region_of(state, DIM).length))
    assert [one for one, _ in lengths] == [other for _, other in lengths]
    assert len({one for one, _ in lengths}) > 3


def test_a_collapsed_region_begins_anew_with_designs_of_the_start() -> None:
    # Nothing is ever gained: a halving each round of 6, until 0.8 / 2^7 is below 0.5^7.
    state = recorded([[0.0] * 6] * 8)
    assert [t.source for t in TuRBO(n_initial=4).ask(recorded([[0.0] * 6] * 7)[-1], 2).trials[-2:]] == [
        TuRBO.source
    ] * 2
    anew = TuRBO(n_initial=4).ask(state[-1], 4)
    assert [t.source for t in anew.trials[-4:]] == ["start"] * 4
    told = settled(anew, {t.id: Result(float(t.id)) for t in anew.pending})
    assert {t.source for t in TuRBO(n_initial=4).ask(told, 2).pending} == {TuRBO.source}
    assert region_of(told, DIM).length == 0.8


def test_failed_rounds_leave_the_region_as_it_was() -> None:
    state = recorded([[0.0] * 3, [1.0] * 3])[-1]
    params = [dict.fromkeys(state.space.names, 0.5)]
    failed = settled(append(state, params, [TuRBO.source], [None], {}), {6: Status.FAILED})
    assert region_of(failed, DIM) == region_of(state, DIM)


def test_candidates_lie_within_the_region_about_the_best() -> None:
    study = Study(gdopt.Space.from_bounds([(0, 1)] * 2), direction="maximize", algorithm=TuRBO(n_initial=4))
    drive(study, 3, 4, lambda p: -abs(p["x0"] - 0.4) - abs(p["x1"] - 0.4))
    best = study.best.params
    length = region_of(study.state, 2).length
    with gpytorch.settings.fast_computations(False, False, False):
        new = study.ask(4)
    # Length scales stretch the box, at equal volume: no wider than this when they differ by less than ten times.
    assert all(abs(t.params[k] - best[k]) <= length / 2 * 10**0.5 for t in new for k in best)
