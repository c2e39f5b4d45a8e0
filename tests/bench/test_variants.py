"""Parts for ablation: that they are what their names say."""

import pytest
import torch

from gdopt.acquisition.batch import SelectionInput, select_by_qlognei, select_by_thompson
from gdopt.algorithms.settings import setting_names
from gdopt.bench.methods import method
from gdopt.bench.variants import best_means, raw
from gdopt.diffusion.closed_form import GaussianDenoiser
from gdopt.diffusion.guidance import improvement
from gdopt.surrogates import gp
from gdopt.surrogates.multi_output import single_output
from gdopt_problems import load
from tests.oracles import normal, seeded

Z = normal(40, 3, seed=0)
SURROGATE = gp.fit(Z, Z[:, 0] / Z[:, 0].std())
LAW = GaussianDenoiser(torch.zeros(3).double(), torch.eye(3).double())
NONE = Z[:0]


def test_raw_guidance_adds_the_gradient_at_the_noisy_point() -> None:
    x, sigma = normal(4, 3, seed=1), torch.tensor(0.5).double()
    found = (raw(LAW, SURROGATE, 0.5)(x, sigma) - LAW(x, sigma)) / 0.25

    def chance(at: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            mean, variance = SURROGATE.predict(at)
        return torch.special.log_ndtr((mean - 0.5) / variance.sqrt())

    step = 1e-5
    for k, along in enumerate(step * torch.eye(3).double()):
        slope = (chance(x + along) - chance(x - along)) / (2 * step)
        torch.testing.assert_close(found[:, k], slope, rtol=1e-4, atol=1e-6)


def test_raw_guidance_is_look_ahead_guidance_where_there_is_no_noise() -> None:
    x, sigma = normal(4, 3, seed=1), torch.tensor(1e-5).double()
    pulls = [g(x, sigma) - LAW(x, sigma) for g in (raw(LAW, SURROGATE, 0.5), improvement(LAW, SURROGATE.predict, 0.5))]
    torch.testing.assert_close(pulls[0], pulls[1], rtol=1e-3, atol=1e-16)
    assert float(pulls[0].abs().amax()) > 1e-12


def test_the_best_means_are_taken() -> None:
    pool = normal(30, 3, seed=2)
    picks = best_means(SelectionInput(single_output(SURROGATE), pool, 4, NONE, 0.5, seeded()))
    assert set(picks) == set(SURROGATE.mean(pool).topk(4).indices.tolist())


@pytest.mark.parametrize("selection", [select_by_qlognei, select_by_thompson])
@pytest.mark.parametrize("n", [3, 20])
def test_batches_of_any_size_are_different_candidates(selection, n: int) -> None:
    picks = selection(
        SelectionInput(single_output(SURROGATE), normal(50, 3, seed=2), n, normal(2, 3, seed=3), 0.5, seeded())
    )
    assert len(set(picks)) == n


@pytest.mark.parametrize(("setting", "part"), [("guidance=raw", raw), ("selection=best_means", best_means)])
def test_parts_are_set_by_name(setting: str, part: object) -> None:
    made = method(f"gdopt:{setting},candidates=64", load("hill"), None)
    assert setting_names(made)[setting.partition("=")[0]] is part
