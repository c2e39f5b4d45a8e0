"""The airfoil problem against NeuralFoil called one airfoil at a time, closed forms and other readers."""

import math
from pathlib import Path

import numpy as np
import pytest

from gdopt.errors import SpaceError

aerosandbox = pytest.importorskip("aerosandbox")
neuralfoil = pytest.importorskip("neuralfoil")

from gdopt_problems import airfoil, airfoil_figures, load  # noqa: E402

CORPUS = airfoil.corpus()
NAMES = airfoil.airfoil_names()

# CST parameters of the best design known, where two runs of CMA-ES met.
BEST_KNOWN = np.array(
    [
        *(-0.061097, -0.082937, -0.103793, -0.241786, 0.145794, -0.324024, 0.035481, -0.062823),
        *(0.06932, 0.085242, 0.193492, 0.328695, 0.059097, 0.421216, 0.333089, 0.326634),
        *(0.339976, 0.0),
    ]
)


def real(name: str) -> np.ndarray:
    return CORPUS[NAMES.index(name)]


def as_params(design: np.ndarray) -> dict[str, float]:
    return dict(zip(load("airfoil").space.names, design.tolist(), strict=True))


def bounds() -> np.ndarray:
    return np.array([(p.low, p.high) for p in load("airfoil").space.parameters]).T


@pytest.fixture(scope="module")
def corpus_values() -> np.ndarray:
    return airfoil.values(CORPUS)


# The value.


def slow_value(design: np.ndarray) -> float:
    """The objective by its definition, for one airfoil, in plain Python where that is possible."""
    plain = np.linalg.lstsq(airfoil.CST, design, rcond=None)[0]
    misfit = math.sqrt(np.mean((airfoil.CST @ plain - design) ** 2))
    weights = np.append(plain[:17], max(plain[17], 0.0))
    upper, lower = (airfoil.CST @ weights).reshape(2, 64)
    flow = neuralfoil.get_aero_from_kulfan_parameters(
        {
            "lower_weights": weights[:8],
            "upper_weights": weights[8:16],
            "leading_edge_weight": weights[16],
            "TE_thickness": weights[17],
        },
        alpha=np.arange(-6, 16.01, 0.5),
        Re=1e6,
        model_size="large",
    )
    last = int(np.argmax(flow["CL"]))
    first = int(np.argmin(flow["CL"][: last + 1]))
    lift = [max(flow["CL"][first : k + 1]) for k in range(first, last + 1)]
    if first == last or not lift[0] <= 0.7 <= lift[-1]:
        return 0.0

    def at_lift(curve: np.ndarray) -> float:
        k = next(k for k in range(1, len(lift)) if lift[k] >= 0.7)
        share = (0.7 - lift[k - 1]) / (lift[k] - lift[k - 1])
        return float((1 - share) * curve[first + k - 1] + share * curve[first + k])

    inside = (airfoil.STATIONS > 0.05) & (airfoil.STATIONS < 0.98)
    shortfalls = [
        (0.12 - max(upper - lower)) / 0.01,
        (-0.12 - at_lift(flow["CM"])) / 0.02,
        (0.003 - min((upper - lower)[inside])) / 0.002,
        (0.9 - at_lift(flow["analysis_confidence"])) / 0.05,
        (misfit - 0.0025) / 0.001,
    ]
    drag = math.exp(at_lift(np.log(flow["CD"])))
    return 0.7 / drag * math.exp(-sum(max(s, 0.0) for s in shortfalls))


@pytest.mark.parametrize("name", ["apex16", "naca0012", "naca4412", "s1223", "clarky", "fx63137"])
def test_a_value_is_what_one_call_of_neuralfoil_and_the_definition_give(name: str) -> None:
    expected = slow_value(real(name))
    assert airfoil.values(real(name)[None])[0] == pytest.approx(expected, rel=1e-6)


def test_a_value_does_not_depend_on_the_batch_it_came_in() -> None:
    designs = CORPUS[:: len(CORPUS) // 70]  # several calls of the network
    alone = [airfoil.values(design[None])[0] for design in designs]
    np.testing.assert_allclose(airfoil.values(designs), alone, rtol=1e-9)


def test_the_best_real_airfoil_is_apex16_with_120_5(corpus_values: np.ndarray) -> None:
    assert NAMES[int(corpus_values.argmax())] == "apex16"
    assert corpus_values.max() == pytest.approx(120.5, abs=0.1)


def test_the_best_known_value_is_that_of_a_design_in_the_box() -> None:
    problem = load("airfoil")
    assert problem.evaluate([as_params(airfoil.CST @ BEST_KNOWN)]) == pytest.approx([problem.best_known], abs=0.01)


def test_most_real_airfoils_are_far_from_the_best(corpus_values: np.ndarray) -> None:
    quartiles = np.quantile(corpus_values, [0.25, 0.5, 0.75])
    assert quartiles == pytest.approx([1.4, 9.2, 72.2], abs=0.1)


def test_one_percent_of_noise_ruins_every_airfoil(corpus_values: np.ndarray) -> None:
    best = CORPUS[np.argsort(-corpus_values)[:200]]
    noise = 0.01 * np.random.default_rng(0).normal(size=best.shape)
    noisy = airfoil.values(best + noise)
    assert np.median(noisy) < 1e-3
    assert noisy.max() < 1.0


def test_an_airfoil_that_cannot_lift_is_worth_nothing() -> None:
    upper, lower = np.split(real("s1223"), 2)
    found = airfoil.report(np.concatenate([-lower, -upper]))
    assert found["value"] == 0.0
    assert math.isnan(found["cl_cd"])


def test_sides_that_cross_at_the_tail_are_worth_what_closed_ones_are() -> None:
    weights = airfoil.CST_FIT @ real("apex16")
    weights[17] = 0.0
    closed = airfoil.CST @ weights
    weights[17] = -0.01
    crossed = airfoil.CST @ weights
    assert airfoil.report(crossed)["tail"] == pytest.approx(-0.01)
    assert airfoil.values(crossed[None]) == pytest.approx(airfoil.values(closed[None]))


def test_a_demand_costs_nothing_until_it_is_missed() -> None:
    at_least = airfoil.Demand("thickness", +1, 0.12, per=0.01)
    at_most = airfoil.Demand("misfit", -1, 0.0025, per=0.001)
    assert at_least.penalty(np.array([0.13, 0.12, 0.1])) == pytest.approx([0.0, 0.0, 2.0])
    assert at_most.penalty(np.array([0.002, 0.0045])) == pytest.approx([0.0, 2.0])


def test_a_report_knows_the_shape_of_naca_4412() -> None:
    found = airfoil.report(real("naca4412"))
    assert found["thickness"] == pytest.approx(0.12, abs=0.002)
    assert found["camber"] == pytest.approx(0.04, abs=0.001)
    assert found["camber_at"] == pytest.approx(0.4, abs=0.03)


# The shape.


def test_cst_parameters_mean_what_aerosandbox_means_by_them() -> None:
    weights = np.random.default_rng(0).uniform(0.05, 0.3, size=18)
    weights[:8] *= -1
    weights[17] = 0.004
    theirs = aerosandbox.KulfanAirfoil(
        lower_weights=weights[:8],
        upper_weights=weights[8:16],
        leading_edge_weight=weights[16],
        TE_thickness=weights[17],
    )
    upper, lower = np.split(airfoil.CST @ weights, 2)
    thickness, camber = (
        theirs.local_thickness(airfoil.STATIONS),
        theirs.local_camber(airfoil.STATIONS),
    )
    np.testing.assert_allclose(upper - lower, thickness, atol=1e-9)
    np.testing.assert_allclose((upper + lower) / 2, camber, atol=1e-9)


def test_the_corpus_holds_naca_0012_as_its_formula_has_it() -> None:
    x = airfoil.STATIONS
    half = 0.6 * (0.2969 * x**0.5 - 0.126 * x - 0.3516 * x**2 + 0.2843 * x**3 - 0.1015 * x**4)
    upper, lower = real("naca0012").reshape(2, -1)[:, 1:]  # the file is coarse at the nose
    np.testing.assert_allclose(upper, half[1:], atol=1e-3)
    np.testing.assert_allclose(lower, -half[1:], atol=1e-3)


def test_the_corpus_has_2174_airfoils_with_different_names() -> None:
    assert CORPUS.shape == (2174, 128)
    assert len(set(NAMES)) == len(CORPUS)


def test_chord_lines_turned_and_scaled_away_come_back() -> None:
    points = airfoil.outline(airfoil.selig(real("clarky"), "clarky"))
    turn = 2.5 * np.array([[0.96, -0.28], [0.28, 0.96]])  # a rotation times a scale
    found = airfoil.ordinates(points @ turn.T + [3.0, -1.0])
    np.testing.assert_allclose(found, airfoil.ordinates(points), atol=1e-12)


def test_changing_the_corpus_leaves_the_next_one_as_it_was() -> None:
    airfoil.corpus()[:] = 0.0
    np.testing.assert_array_equal(airfoil.corpus(), CORPUS)


# The problem.


def test_every_real_airfoil_may_be_tried() -> None:
    low, high = bounds()
    assert (low < CORPUS).all()
    assert (high > CORPUS).all()


def test_params_are_read_by_name_not_by_order() -> None:
    params = as_params(real("clarky"))
    backwards = dict(reversed(params.items()))
    first, second = load("airfoil").evaluate([params, backwards])
    assert first == pytest.approx(second)
    assert first == pytest.approx(airfoil.values(real("clarky")[None])[0])


def test_an_ordinate_outside_the_box_is_refused_with_its_name_and_unit() -> None:
    params = as_params(real("clarky")) | {"lower_07": -1.0}
    with pytest.raises(SpaceError, match=r"lower_07 = -1.0 is outside .* chord"):
        load("airfoil").evaluate([params])


def test_the_corners_of_the_box_have_finite_values() -> None:
    low, high = bounds()
    rows = np.random.default_rng(0).random((40, 128)) < 0.5
    assert np.isfinite(airfoil.values(np.where(rows, low, high))).all()


# Files.


def test_a_selig_file_comes_back_through_aerosandbox(tmp_path: Path) -> None:
    design = real("clarky")
    file = tmp_path / "best.dat"
    file.write_text(airfoil.selig(design, "best of\nrun 7"))
    points = aerosandbox.Airfoil(name="best", coordinates=file).coordinates
    assert file.read_text().startswith("best of run 7\n")
    np.testing.assert_allclose(points[1:65, 1][::-1], design[:64], atol=1e-7)
    np.testing.assert_allclose(points[66:130, 1], design[64:], atol=1e-7)


def test_a_selig_file_runs_from_the_tail_over_the_nose_and_back() -> None:
    x, y = airfoil.outline(airfoil.selig(real("apex16"), "apex16")).T
    assert len(x) == 131
    assert (x[0], x[65], y[65], x[-1]) == (1.0, 0.0, 0.0, 1.0)
    assert (np.diff(x[:66]) < 0).all()
    assert (np.diff(x[65:]) > 0).all()


def test_crossing_sides_meet_in_a_selig_file() -> None:
    upper, lower = np.split(real("apex16") - 0.002 * np.repeat([1, -1], 64), 2)
    points = airfoil.outline(airfoil.selig(np.concatenate([upper, lower]), "crossed"))
    assert points[0, 1] == points[-1, 1]


def test_both_figures_are_written(tmp_path: Path) -> None:
    airfoil_figures.best_figure(real("clarky"), real("apex16"), tmp_path / "best.png")
    airfoil_figures.samples_figure(CORPUS[:20], CORPUS, tmp_path / "samples.png")
    for file in tmp_path.iterdir():
        assert file.read_bytes().startswith(b"\x89PNG")


def test_the_nearest_of_a_real_airfoil_is_another_one_if_asked() -> None:
    designs = np.stack([np.zeros(128), np.full(128, 0.01), np.full(128, 0.04)])
    assert airfoil_figures.nearest(designs, designs) == pytest.approx([0, 0, 0])
    apart = airfoil_figures.nearest(designs, designs, leave_out_itself=True)
    assert apart == pytest.approx([0.01, 0.01, 0.03])


def test_uncrossing_the_tail_keeps_the_value_and_closes_it() -> None:
    crossed = airfoil.corpus()[airfoil.airfoil_names().index("apex16")] - 0.01 * airfoil.CST[:, airfoil.TRAILING_EDGE]
    closed = airfoil.uncrossed(crossed)
    assert airfoil.report(closed)["value"] == pytest.approx(airfoil.report(crossed)["value"], rel=1e-9)
    assert airfoil.report(crossed)["tail"] < -0.005 < -1e-12 < airfoil.report(closed)["tail"]


def test_gradients_are_slopes_along_the_corpus_directions() -> None:
    design = real("apex16")
    centred = CORPUS - CORPUS.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(CORPUS))
    found = airfoil.gradients(design[None])[0]
    for k in (-1, -5, -20):
        step = 0.1 * math.sqrt(values[k]) * vectors[:, k]
        ahead, behind = airfoil.values(np.stack([design + step, design - step]))
        assert found @ step == pytest.approx((ahead - behind) / 2, rel=1e-6)
