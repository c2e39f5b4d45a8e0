"""The first designs: of the corpus in random order, or spread over the box."""

import numpy as np
import pytest
import torch
from scipy.stats import qmc
from torch.quasirandom import SobolEngine

import gdopt
from gdopt import SpaceError
from gdopt.candidates.initial import initial_designs
from gdopt.codecs import box
from gdopt.codecs.columns import SQRT_3
from gdopt.codecs.points import sobol_points
from gdopt.trials.proposals import append
from gdopt.trials.state import State
from tests.strategies import CONSTRAINED, LINE, TINY, prior


def after(state: State, n: int, prior: gdopt.DiffusionPrior | None = None) -> State:
    designs = initial_designs(state, prior, n)
    return append(state, designs, ["start"] * n, [None] * n, {})


@pytest.mark.parametrize("of_prior", [False, True])
def test_the_designs_do_not_depend_on_how_they_are_split(of_prior: bool) -> None:
    given = prior() if of_prior else None
    space = prior().space if of_prior else CONSTRAINED
    whole, parts = after(State(space, 3), 16, given), State(space, 3)
    for n in (1, 4, 8, 3):
        parts = after(parts, n, given)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


def test_each_of_the_corpus_is_tried_once_before_new_ones_are_drawn() -> None:
    state = after(State(prior().space, 0), 64, prior())
    rows = {tuple(row) for row in prior().designs.tolist()}
    tried = [tuple(t.params.values()) for t in state.trials]
    assert set(tried[:60]) == rows
    assert not set(tried[60:]) & rows


def test_two_seeds_try_the_corpus_in_two_orders() -> None:
    one, other = (after(State(prior().space, seed), 10, prior()).trials for seed in (0, 1))
    assert [t.params for t in one] != [t.params for t in other]


def test_designs_of_the_box_are_more_even_than_random_ones() -> None:
    unit = (sobol_points(3, 0, 0, 64).numpy() / SQRT_3 + 1) / 2
    random = np.random.default_rng(0).random((64, 3))
    assert qmc.discrepancy(unit) < qmc.discrepancy(random) / 3


@pytest.mark.parametrize("skip", [0, 1, 5])
def test_points_can_be_taken_from_anywhere_in_the_sequence(skip: int) -> None:
    assert torch.equal(sobol_points(4, 7, skip, 3), sobol_points(4, 7, 0, 10)[skip : skip + 3])


def test_a_box_beyond_the_largest_sobol_sequence_is_sampled_at_random() -> None:
    z = sobol_points(SobolEngine.MAXDIM + 1, 0, 0, 3)
    assert torch.equal(sobol_points(SobolEngine.MAXDIM + 1, 0, 1, 2), z[1:])
    assert float(z.std()) == pytest.approx(1, abs=0.02)


def test_whole_numbers_that_break_a_constraint_are_passed_over() -> None:
    space = gdopt.Space(
        [gdopt.Integer("i", 0, 9), gdopt.Integer("j", 0, 9)],
        [gdopt.Constraint({"i": 1, "j": 1}, 9.5), gdopt.Constraint({"i": -1, "j": -1}, -8.5)],
    )
    designs = initial_designs(State(space, 0), None, 40)
    assert {p["i"] + p["j"] for p in designs} == {9}


def test_every_setting_of_a_tiny_space_is_tried_in_time() -> None:
    assert len({tuple(p.values()) for p in initial_designs(State(TINY, 0), None, 64)}) == 8


def test_a_space_that_allows_no_whole_number_is_refused_at_once() -> None:
    narrow = [gdopt.Constraint({"i": 1}, 2.6), gdopt.Constraint({"i": -1}, -2.4)]
    with pytest.raises(SpaceError, match=r"only 0 of 5 points .* i <= 2.6; -1 i <= -2.4: no whole numbers do"):
        initial_designs(State(gdopt.Space([gdopt.Integer("i", 1, 8)], narrow), 0), None, 5)


# About ninety of a million settings: (37, 53, 71) is one of them.
HARDLY = [gdopt.Constraint({"a": 101, "b": 103, "c": 107}, equal=16793)]
WHOLE = [gdopt.Integer(n, 0, 99) for n in "abc"]


def test_whole_numbers_that_points_of_the_box_hardly_meet_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "CHUNKS", 3)
    designs = initial_designs(State(gdopt.Space(WHOLE, HARDLY), 0), None, 100)
    a, b, c = np.meshgrid(*[np.arange(100)] * 3, indexing="ij")
    assert len({tuple(one.values()) for one in designs}) == (101 * a + 103 * b + 107 * c == 16793).sum()


def test_a_space_that_allows_next_to_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "CHUNKS", 3)
    # Beside a real number there is no counting.
    space = gdopt.Space([*WHOLE, gdopt.Real("x", 0, 1)], HARDLY)
    with pytest.raises(SpaceError, match=r"only \d of 15 points .* 101 a \+ 103 b \+ 107 c = 16793$"):
        initial_designs(State(space, 0), None, 5)


def test_reals_make_up_for_whole_numbers_in_what_is_equal() -> None:
    space = gdopt.Space(
        [gdopt.Integer("n", 0, 9), gdopt.Real("a", 0, 1), gdopt.Real("b", 0, 1)],
        [gdopt.Constraint({"n": 0.1, "a": 1, "b": 1}, equal=1.0)],
    )
    designs = initial_designs(State(space, 0), None, 64)
    # Uniform over what is allowed: of the last two there is next to nothing.
    assert {*range(8)} <= {p["n"] for p in designs}
    assert max(abs(0.1 * p["n"] + p["a"] + p["b"] - 1) for p in designs) < 1e-9


def test_the_line_is_covered_end_to_end() -> None:
    found = np.sort([p["x"] for p in initial_designs(State(LINE, 0), None, 64)])
    assert np.diff(found, prepend=-2, append=3).max() < 2 * 5 / 64
