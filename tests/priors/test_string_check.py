"""Draws of a prior against its corpus: counted by hand, and against scipy's own samples of known laws."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import gdopt
from gdopt.molecules.scores import properties
from gdopt.priors.comparison import CategoricalComparison, NumericComparison
from gdopt.priors.figures import comparisons
from gdopt.priors.string_check import PriorCheck, check
from tests.strategies import alkanes, dna

SPACE = gdopt.SequenceSpace("abc", max_length=4, forbidden=["cc"])
CORPUS = ("ab", "abc", "bb", "acb")


def of_letters(samples: list[str], draws: int = 10) -> PriorCheck:
    return check(SPACE, samples, CORPUS, draws)


def test_shares_of_valid_different_and_new_draws_are_those_of_counting_by_hand() -> None:
    found = of_letters(["ab", "aa", "aa", "acc", "bba", "abcab"])
    assert (found.validity, found.uniqueness, found.novelty) == (4 / 10, 3 / 4, 2 / 3)


def test_samples_that_are_the_corpus_are_at_no_distance() -> None:
    found = of_letters(list(CORPUS))
    assert [one.distance for one in (*found.numbers, *found.shares)] == [0, 0, 0]
    assert found.novelty == 0


def test_letters_and_pairs_are_compared_by_their_total_variation() -> None:
    samples = ["aab", "c", "abab"]
    _, letters, pairs = (*of_letters(samples).numbers, *of_letters(samples).shares)
    for part, counted in (
        (letters, lambda some: Counter("".join(some))),
        (pairs, lambda some: Counter(one[i : i + 2] for one in some for i in range(len(one) - 1))),
    ):
        one, other = counted(samples), counted(CORPUS)
        expected = sum(abs(one[k] / one.total() - other[k] / other.total()) for k in one | other) / 2
        assert part.distance == pytest.approx(expected)


def test_distance_of_two_normal_laws_is_the_largest_gap_of_their_distributions() -> None:
    rng = np.random.default_rng(0)
    found = NumericComparison("x", rng.normal(size=20_000), rng.normal(1, 1, size=20_000))
    assert found.distance == pytest.approx(2 * norm.cdf(0.5) - 1, abs=0.01)


def test_distance_by_chance_falls_with_the_root_of_the_number_of_samples() -> None:
    corpus = np.random.default_rng(0).normal(size=2000)
    few, many = (NumericComparison("x", corpus[:n], corpus).by_chance for n in (25, 400))
    # The mean of Kolmogorov's distribution is √(π/2) ln 2.
    assert few * 5 == pytest.approx(math.sqrt(math.pi / 2) * math.log(2), rel=0.2)
    assert few / many == pytest.approx(4, rel=0.25)


def test_nothing_that_was_counted_is_no_share() -> None:
    assert CategoricalComparison("pairs", ("aa", "ab"), np.zeros((3, 2)), np.ones((2, 2))).distance == 0.5


def test_draws_that_are_all_invalid_are_refused() -> None:
    with pytest.raises(gdopt.SettingsError, match="none of 10 draws is valid"):
        of_letters(["acc", "d"])


def test_molecules_are_compared_by_the_properties_that_scores_has() -> None:
    prior = alkanes()
    found = prior.check(40, seed=1)
    expected = properties(prior.sample(40, seed=1))
    assert [one.name for one in found.numbers] == ["molecular weight", "logP", "QED", "synthetic accessibility"]
    for one in found.numbers:
        np.testing.assert_array_equal(one.samples, expected[one.name])
        np.testing.assert_array_equal(one.corpus, properties(prior.corpus)[one.name])


def test_structural_alerts_are_a_share_of_the_molecules() -> None:
    space = gdopt.MoleculeSpace()
    (alerts,) = check(space, ["CCC=O", "CCO", "CCN"], ["CCO", "CC=O"], 3).shares
    assert alerts.texts() == ("some 33.3%", "some 50.0%")


def test_printed_check_has_a_line_for_each_comparison() -> None:
    found = dna().check(60)
    lines = str(found).splitlines()
    assert lines[0].startswith("60 draws: 100.0% valid, ")
    assert [line.split("  ")[0] for line in lines[2:]] == ["letters", "neighbouring pairs"]
    assert repr(found) == str(found)


@pytest.mark.parametrize("prior", [dna, alkanes])
def test_figure_has_a_panel_for_each_comparison(prior, tmp_path: Path) -> None:
    found = prior().check(40)
    figure = found.plot(tmp_path / "check.png")
    titled = [axes for axes in figure.axes if axes.get_title()]
    assert len(titled) == len(found.numbers) + len(found.shares)
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")
    assert comparisons(found.comparisons).axes[0].get_xlabel() == figure.axes[0].get_xlabel()
