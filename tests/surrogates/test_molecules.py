"""A surrogate of fragments and properties: its covariance against other libraries, its mean against linear algebra."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.gaussian_process.kernels import Matern

from gdopt.molecules.fingerprints import counts
from gdopt.molecules.scores import DESCRIPTORS, PROPERTIES, descriptors, properties
from gdopt.surrogates import gp, tanimoto
from gdopt.surrogates import molecules as molecule_gp
from gdopt.surrogates.molecules import Described
from tests.molecules.nci import molecules

SMILES = molecules()[::5][:160]
N = 100


@pytest.fixture(scope="module")
def z() -> torch.Tensor:
    return torch.cat([counts(SMILES, 256), torch.from_numpy(descriptors(SMILES))], 1)


@pytest.fixture(scope="module")
def polar() -> torch.Tensor:
    """The polar surface in units of its spread: a function of one property."""
    found = torch.from_numpy(properties(SMILES)["polar surface"])
    return (found - found.mean()) / found.std()


def test_descriptors_are_the_cheap_properties() -> None:
    names = [each.name for each in DESCRIPTORS]
    assert [each.name for each in PROPERTIES if each.name not in names] == ["QED", "synthetic accessibility"]
    table = properties(SMILES)
    assert np.array_equal(descriptors(SMILES), np.stack([table[name] for name in names], 1))


def test_the_covariance_is_tanimotos_and_scikit_learns_matern(z: torch.Tensor, polar: torch.Tensor) -> None:
    fitted = Described(len(DESCRIPTORS)).fit(z[:N], polar[:N])
    made_of, like = fitted.model.covar_module.kernels
    rows, number = fitted.transform_inputs(z), len(DESCRIPTORS)
    spread = z[:N, -number:].numpy().std(0)
    matern = Matern(like.base_kernel.lengthscale.detach().numpy()[0], nu=2.5)
    p = z[:, -number:].numpy() / (gp.BOX * spread)
    expected = made_of.outputscale.item() * tanimoto.similarity(z[:, :-number], z[:, :-number]).numpy()
    expected = expected + like.outputscale.item() * matern(p)
    found = fitted.model.covar_module(rows).to_dense().detach().numpy()
    assert np.abs(found - expected).max() < 1e-6


def test_a_property_is_learned_from_molecules_whose_fragments_tell_little(z: torch.Tensor, polar: torch.Tensor) -> None:
    both = Described(len(DESCRIPTORS)).fit(z[:N], polar[:N]).mean(z[N:])
    fragments = tanimoto.fit(z[:N, :256], polar[:N]).mean(z[N:, :256])
    right, less = (spearmanr(one.numpy(), polar[N:].numpy()).statistic for one in (both, fragments))
    assert right > 0.98
    assert right > less


@pytest.mark.parametrize("noise", [None, 0.01])
def test_all_values_are_learned_though_parameters_are_fitted_to_some(
    z: torch.Tensor, polar: torch.Tensor, noise: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(molecule_gp, "SAMPLE", 30)
    variance = None if noise is None else torch.full((N,), noise, dtype=torch.float64)
    fitted = Described(len(DESCRIPTORS)).fit(z[:N], polar[:N], variance)
    with torch.no_grad():
        covariance = fitted.model.covar_module(fitted.transform_inputs(z)).to_dense()
        likelihood = fitted.model.likelihood
        inferred = likelihood.second_noise if noise is not None else likelihood.noise
        known = covariance[:N, :N] + (float(inferred) + (noise or 0.0)) * torch.eye(N)
        constant = fitted.model.mean_module.constant
        expected = constant + covariance[N:, :N] @ torch.linalg.solve(known, polar[:N] - constant)
    assert (fitted.mean(z[N:]) - expected).abs().max() < 1e-4


def test_a_property_that_does_not_vary_is_no_trouble(z: torch.Tensor, polar: torch.Tensor) -> None:
    constant = z.clone()
    constant[:, -1] = 0.5
    found = Described(len(DESCRIPTORS)).fit(constant[:N], polar[:N]).mean(constant[N:])
    assert found.isfinite().all()


def test_values_that_fragments_say_nothing_of_leave_a_usable_model(z: torch.Tensor, generator: torch.Generator) -> None:
    """The multiple of a covariance that is of no use goes to its bound, not to 0, where its prior has no density."""
    y = torch.randn(N, generator=generator, dtype=torch.float64)
    fitted = Described(len(DESCRIPTORS)).fit(z[:N], y)
    scales = [kernel.outputscale.item() for kernel in fitted.model.covar_module.kernels]
    assert min(scales) >= gp.LEAST
    assert fitted.mean(z).isfinite().all()
