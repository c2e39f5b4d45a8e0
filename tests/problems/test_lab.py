"""The problems of a laboratory: the flow reactor, the colours, the fermenter."""

import numpy as np
import pytest
import torch
from botorch.test_functions.multi_objective import Penicillin

from gdopt_problems import colour_mixing, load, penicillin, snar

# Residence time (min), equivalents, mol/L, degC.
REACTORS = np.array([[0.5, 5.0, 0.5, 31.0], [2.0, 1.0, 0.1, 30.0], [1.0, 3.0, 0.3, 80.0], [2.0, 5.0, 0.5, 120.0]])


@pytest.mark.parametrize("design", REACTORS)
def test_what_goes_into_the_reactor_comes_out(design: np.ndarray) -> None:
    c, first = snar.outlet(design), design[2]
    assert c[[0, 2, 3, 4]].sum() == pytest.approx(first)  # aromatic rings
    assert c[1] + c[2] + c[3] + 2 * c[4] == pytest.approx(design[1] * first)  # pyrrolidine
    assert (c > -1e-9).all()


@pytest.mark.parametrize("design", REACTORS)
def test_a_stiff_solver_at_tighter_tolerance_agrees(design: np.ndarray) -> None:
    np.testing.assert_allclose(snar.outlet(design), snar.outlet(design, "Radau", 1e-11), rtol=1e-5, atol=1e-9)


def test_rates_at_90_degrees_are_the_published_ones() -> None:
    per_second = snar.rates(90.0) / 60
    np.testing.assert_allclose(per_second, [0.579, 0.0270, 0.00865, 0.0163])


def test_a_slow_reaction_makes_what_its_rate_says() -> None:
    design = np.array([1e-4, 2.0, 0.3, 60.0])
    made = snar.outlet(design)[2]
    assert made == pytest.approx(snar.rates(60.0)[0] * 0.3 * 0.6 * 1e-4, rel=1e-3)


def test_nothing_but_hydrogen_fluoride_is_split_off() -> None:
    fluoride = 1.008 + 18.998
    one, two, ortho, para, bis = snar.MASSES
    assert one + two - fluoride == pytest.approx(ortho, abs=0.01)
    assert para == ortho
    assert ortho + two - fluoride == pytest.approx(bis, abs=0.01)


def test_the_reactor_keeps_to_its_best_known_and_to_debs_order() -> None:
    problem = load("snar")
    rows = np.random.default_rng(0).uniform([0.5, 1, 0.1, 30], [2, 5, 0.5, 120], (200, 4))
    designs = [dict(zip(problem.space.names, row, strict=True)) for row in rows.tolist()]
    assert problem.violations is not None
    values, broken = np.array(problem.evaluate(designs)), np.array(problem.violations(designs))
    assert problem.best_known is not None
    assert 0 < values[broken == 0].min() <= values.max() < problem.best_known
    np.testing.assert_allclose(values[broken > 0], -100 * broken[broken > 0])


def test_the_reactors_best_is_reached() -> None:
    problem = load("snar")
    best = dict(zip(problem.space.names, [0.5, 5.0, 0.5, 31.0636], strict=True))
    assert problem.evaluate([best]) == pytest.approx([problem.best_known], rel=1e-5)


def test_the_recipe_has_the_targets_colour_and_another_mixture_too() -> None:
    best = colour_mixing.RECIPE
    # With five dyes for three channels, two directions change nothing.
    free = np.linalg.svd(colour_mixing.ABSORBANCE.T)[2][3:]
    assert colour_mixing.values(np.array([best, best + 5 * free[0]])) == pytest.approx([0.0, 0.0], abs=1e-15)


def test_colours_follow_beer_and_lambert() -> None:
    red, water = np.array([[150.0, 0, 0, 0, 0]]), np.zeros((1, 5))
    np.testing.assert_allclose(colour_mixing.colours(water), [[1.0, 1.0, 1.0]])
    np.testing.assert_allclose(colour_mixing.colours(red), [[10**-0.05, 10**-0.8, 10**-0.6]])


def test_the_colours_say_their_noise_and_their_failures() -> None:
    problem = load("colour_mixing")
    assert (problem.noise_std, problem.failure_rate, problem.optimum) == (0.01, 0.02, 0.0)


def test_no_well_overflows() -> None:
    full = dict.fromkeys(colour_mixing.DYES, 61.0)
    assert not load("colour_mixing").space.allows(full)
    assert load("colour_mixing").space.allows(dict.fromkeys(colour_mixing.DYES, 60.0))


def test_the_fermenter_is_botorchs_in_one_number() -> None:
    rows = np.random.default_rng(0).uniform(*np.array(Penicillin._bounds).T, (20, 7))
    yields, carbon, hours = Penicillin()(torch.from_numpy(rows)).numpy().T
    # Ours has the feed rate and its concentration in the same order.
    np.testing.assert_allclose(penicillin.values(rows), -yields - 0.05 * carbon - 0.01 * hours)
    space = load("penicillin").space
    assert [(p.low, p.high) for p in space.parameters] == Penicillin._bounds  # type: ignore[union-attr]


def test_the_fermenters_best_away_from_spikes_is_reached_and_is_none() -> None:
    best = np.array(penicillin.SMOOTH)
    assert penicillin.values(best[None]) == pytest.approx([penicillin.SMOOTH_BEST], abs=1e-3)
    near = best * (1 + 1e-6 * np.random.default_rng(0).standard_normal((20, 7)))
    assert penicillin.values(near).min() > penicillin.SMOOTH_BEST - 0.2
