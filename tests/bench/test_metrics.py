"""Scores, regret and ranks of records, by hand."""

from typing import Any

import numpy as np
import pytest

from gdopt.bench.metrics import feasible, incumbents, normalized, quartiles, ranks, reference, regret, top_auc


def record(values: list[float], told: list[float | None] | None = None, **changes: Any) -> dict[str, Any]:
    made = {
        "problem": "p", "method": "m", "seed": 0, "direction": "maximize", "optimum": 10.0, "best_known": None,
        "start": 2, "values": values, "told": values if told is None else told,
    }  # fmt: skip
    return made | changes


def test_the_incumbent_is_the_best_so_far() -> None:
    assert incumbents(record([1.0, 0.0, 3.0, 2.0])).tolist() == [1, 1, 3, 3]


def test_of_a_minimized_problem_it_is_the_least_with_its_sign_turned() -> None:
    assert incumbents(record([1.0, 2.0, -3.0], direction="minimize")).tolist() == [-1, -1, 3]


def test_with_noise_it_is_the_true_value_of_what_looked_best() -> None:
    assert incumbents(record([1.0, 5.0, 2.0], told=[1.5, 0.9, 3.0])).tolist() == [1, 1, 2]


def test_among_equals_what_was_told_last_is_the_incumbent() -> None:
    assert incumbents(record([1.0, 7.0], told=[2.0, 2.0])).tolist() == [1, 7]


def test_a_failed_evaluation_is_never_the_incumbent() -> None:
    found = incumbents(record([9.0, 1.0, 8.0, 2.0], told=[None, 1.0, None, 2.0]))
    np.testing.assert_array_equal(found, [np.nan, 1, 1, 2])


def test_the_score_is_0_at_the_reference_and_1_at_the_optimum() -> None:
    assert normalized(record([4.0, 7.0, 10.0]), 4.0).tolist() == [0, 0.5, 1]


def test_the_best_known_stands_in_for_an_unknown_optimum() -> None:
    of = record([-4.0, -1.0], optimum=None, best_known=1.0, direction="minimize")
    assert normalized(of, 2.0).tolist() == pytest.approx([(4 - 2) / (-1 - 2), (4 - 2) / (-1 - 2)])


def test_the_reference_is_the_median_best_of_the_first_designs() -> None:
    runs = [record([float(v), 0.0, 100.0]) for v in (1, 2, 30)]
    assert reference(runs) == 2


def test_regret_is_what_is_left_to_the_optimum() -> None:
    assert regret(record([1.0, 4.0])) == 6
    assert regret(record([3.0, 12.0], direction="minimize", optimum=2.0)) == 1
    assert regret(record([1.0], optimum=None)) is None


def runs(ends: dict[str, list[float]], problem: str) -> list[dict[str, Any]]:
    return [
        record([0.0, v], problem=problem, method=name, seed=s) for name, row in ends.items() for s, v in enumerate(row)
    ]


def test_ranks_are_averaged_over_seeds_and_problems() -> None:
    found = ranks(
        runs({"a": [3, 3], "b": [2, 4], "c": [1, 1]}, "p") + runs({"a": [1, 1], "b": [2, 2], "c": [0, 0]}, "q")
    )
    assert [found[name][0] for name in "abc"] == pytest.approx([(1.5 + 2) / 2, (1.5 + 1) / 2, 3])
    assert list(found) == ["b", "a", "c"]


def test_ties_share_their_rank() -> None:
    assert ranks(runs({"a": [1], "b": [1]}, "p"))["a"][0] == 1.5


def test_only_seeds_of_all_methods_count() -> None:
    found = ranks(runs({"a": [1, 9], "b": [2]}, "p"))
    assert found["b"] == (1, 1, 1)


def test_the_interval_of_a_method_that_always_wins_is_a_point() -> None:
    low, high = ranks(runs({"a": [2, 2, 2], "b": [1, 1, 1]}, "p"))["a"][1:]
    assert (low, high) == (1, 1)


def test_an_interval_is_as_wide_as_seeds_differ() -> None:
    generator = np.random.default_rng(1)
    coin = [float(v) for v in generator.integers(2, size=40)]
    mean, low, high = ranks(runs({"a": coin, "b": [0.5] * 40}, "p"))["a"]
    error = np.std([1 if v else 2 for v in coin]) / 40**0.5
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.2)
    assert low < mean < high


def test_a_bound_stands_in_where_nothing_is_known() -> None:
    of = record([0.2, 0.6], optimum=None, bound=1.0)
    assert normalized(of, 0.2).tolist() == pytest.approx([0, 0.5])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_top_10_auc_is_the_mean_of_the_ten_best_over_calls(sign: int) -> None:
    values = np.random.default_rng(0).normal(size=40)
    expected = np.mean([np.sort(values[:n])[::-1][:10].mean() for n in range(1, 41)])
    direction = "maximize" if sign > 0 else "minimize"
    assert top_auc(record((sign * values).tolist(), direction=direction)) == pytest.approx(expected)


def test_a_failed_evaluation_is_not_among_the_ten_best() -> None:
    assert top_auc(record([1.0, 9.0, 3.0], told=[1.0, None, 3.0])) == pytest.approx((1 + 1 + 2) / 3)


def test_what_is_feasible_is_a_share_of_what_comes_after_the_start() -> None:
    assert feasible(record([0.0] * 6, violations=[3.0, 3.0, 0.0, 0.0, 0.0, 1.0])) == 0.75
    assert feasible(record([0.0] * 6)) is None


def test_quartiles_are_in_order() -> None:
    assert quartiles([4.0, 1.0, 3.0, 2.0]) == (1.75, 2.5, 3.25)
