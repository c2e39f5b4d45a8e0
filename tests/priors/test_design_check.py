"""Draws of a prior of numbers against its corpus: by brute force, by known dimensions, and what is said of bad ones."""

import json
from pathlib import Path

import numpy as np
import pytest

import gdopt
from gdopt.priors.design_check import Corpus, check
from gdopt.priors.design_report import DesignCheck
from gdopt.priors.neighbours import intrinsic_dimension, participation_ratio
from tests.strategies import corpus, prior


def normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def of(designs: np.ndarray, samples: np.ndarray, weights: np.ndarray | None = None, bound: float = 1e3) -> DesignCheck:
    """The check of what lies in a wide box, in its own coordinates."""
    n, d = designs.shape
    order = np.random.default_rng(7).permutation(n)
    space = gdopt.Space.from_bounds([(-bound, bound)] * d)
    mass = np.ones(n) if weights is None else weights
    known = Corpus(space, designs, mass, order, designs.var(0), np.eye(d), np.zeros(d, dtype=bool), ())
    return check(known, samples, designs, samples)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_intrinsic_dimension_of_a_bent_sheet_is_that_of_the_sheet(dimension: int) -> None:
    flat = np.random.default_rng(0).uniform(-1, 1, (1500, dimension))
    bent = np.hstack([flat, np.sin(2 * flat), flat**2])
    assert intrinsic_dimension(bent) == pytest.approx(dimension, rel=0.15)


def test_intrinsic_dimension_of_equal_rows_is_none() -> None:
    assert intrinsic_dimension(np.zeros((30, 4))) == 0


def test_participation_counts_equal_directions() -> None:
    assert participation_ratio(np.array([3.0, 3.0, 3.0, 0.0])) == pytest.approx(3)
    # Of λ = 1, 1/2, 1/4, ... it is (Σλ)²/Σλ² = 4 / (4/3).
    assert participation_ratio(0.5 ** np.arange(40)) == pytest.approx(3)


def test_coverage_and_plausibility_are_those_of_brute_force() -> None:
    designs, samples = normal(60, 3), normal(40, 3, seed=1) + 0.7
    found = of(designs, samples)
    rows = designs[np.random.default_rng(7).permutation(60)]
    some, one = samples[:30], rows[:30]

    def within(x: np.ndarray, others: np.ndarray) -> float:
        near = 0
        for row in x:
            for centre in others:
                reach = sorted(float(np.linalg.norm(centre - other)) for other in others)[3]
                if np.linalg.norm(row - centre) <= reach:
                    near += 1
                    break
        return near / len(x)

    assert found.plausible.samples == within(some, one)
    assert found.covered.samples == within(one, some)
    assert found.covered.corpus == within(one, rows[30:60])


def test_draws_of_the_same_law_are_fit() -> None:
    found = of(normal(600, 4), normal(400, 4, seed=1))
    assert found.fit
    assert found.faults == ()
    assert found.dimension.samples == pytest.approx(4, rel=0.2)
    assert found.spread.samples == pytest.approx(4, rel=0.05)
    assert np.median(found.nearest) == pytest.approx(np.median(found.own_nearest), rel=0.1)


CLUSTERS = np.vstack([normal(200, 2), normal(200, 2, seed=1) + 30])


@pytest.mark.parametrize(
    ("designs", "samples", "fault"),
    [
        (normal(15, 4), normal(100, 4, 1), "15 designs are few for 4 directions: have 4 for each"),
        (CLUSTERS, CLUSTERS + 0.3 * normal(400, 2, 2), "falls into 2 groups (50%, 50%)"),
        (normal(300, 3), 3 * normal(200, 3, 1), "of the draws are near no design: train with more steps"),
        (normal(300, 3), 0.2 * normal(200, 3, 1), "of the designs are near no draw"),
        (normal(300, 3), normal(300, 3)[:200] + 1e-3, "of the draws are copies of designs: train with fewer steps"),
    ],
)
def test_what_is_wrong_is_said(designs: np.ndarray, samples: np.ndarray, fault: str) -> None:
    found = of(designs, samples)
    assert not found.fit
    assert any(fault in one for one in found.faults)
    assert f"Not fit for it:\n- {found.faults[0]}" in str(found)


def test_draws_cut_off_at_a_bound_are_counted() -> None:
    found = of(normal(300, 2).clip(-1.9, 1.9), normal(200, 2, seed=1).clip(-2, 2), bound=2)
    share = (np.abs(normal(200, 2, seed=1)) >= 2).any(1).mean()
    assert found.at_bounds.samples == pytest.approx(share)
    cut = of(normal(300, 2).clip(-0.9, 0.9), normal(200, 2, seed=1).clip(-1, 1), bound=1)
    assert any("are cut off at a bound: widen the space" in one for one in cut.faults)


@pytest.mark.parametrize("law", ["uniform", "exponential", "standard_normal"])
def test_a_line_of_designs_is_one_group(law: str) -> None:
    designs, samples = (getattr(np.random.default_rng(seed), law)(size=(400, 1)) for seed in (0, 1))
    assert not any("groups" in one for one in of(designs, samples).faults)


def test_an_outlier_a_constant_and_a_shifted_parameter_are_noted() -> None:
    designs, samples = normal(300, 3), normal(300, 3, seed=1)
    designs[:, 2] = samples[:, 2] = 4.0
    designs[3, 1] = 90
    samples[:, 0] += 0.5
    found = of(designs, samples)
    assert "constant in the corpus, so never varied: x2" in found.notes
    assert any("of 300 designs are far from all others" in one for one in found.notes)
    assert "draws are spread differently from the corpus in x0" in found.notes


def test_weights_decide_what_draws_are_compared_with() -> None:
    designs = np.linspace(0, 1, 500).reshape(-1, 1)
    samples = np.sqrt(np.random.default_rng(0).uniform(size=(400, 1)))
    weighted = of(designs, samples, weights=2 * designs[:, 0])
    assert weighted.worst[0].distance < 0.1 < of(designs, samples).worst[0].distance
    assert weighted.effective == pytest.approx(375, rel=0.01)


def test_nine_designs_or_draws_are_too_few_to_say_anything() -> None:
    with pytest.raises(gdopt.CorpusError, match="a check needs 10 designs or more, got 9"):
        gdopt.DiffusionPrior.fit(corpus(9), steps=1).check()
    with pytest.raises(gdopt.SettingsError, match="n = 9: expected 10 draws or more"):
        prior().check(9)


def test_check_of_a_prior_is_printed_as_a_table_and_the_same_again() -> None:
    found = prior().check(100)
    lines = str(found).splitlines()
    assert lines[0] == "100 draws against 60 designs of 5 parameters"
    assert lines[1].startswith("5 directions kept, 2.")
    assert [line.split("  ")[0] for line in lines[3:10]] == [one.name for one in found.measures]
    assert str(prior().check(100)) == str(found)
    assert repr(found) == str(found)


def test_facts_of_a_check_are_json() -> None:
    found = prior().check(100)
    assert json.loads(json.dumps(found.facts(), allow_nan=False))["measures"]["copies of a design"] == {
        "samples": found.copies.samples,
        "corpus": found.copies.corpus,
    }


@pytest.mark.parametrize("columns", [1, 5])
def test_figure_shows_coordinates_distances_variances_and_a_parameter(columns: int, tmp_path: Path) -> None:
    found = gdopt.DiffusionPrior.fit(corpus(60, columns), steps=1).check(50)
    figure = found.plot(tmp_path / "check.png")
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "first direction",
        "distance to the nearest design",
        "direction",
        found.worst[0].title,
    ]
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")
