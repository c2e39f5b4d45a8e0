"""Gaussian processes of transformed values: BoTorch's SingleTaskGP."""

import math
import warnings
from dataclasses import dataclass, replace
from typing import cast

import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from botorch.models.utils.gpytorch_modules import (
    get_covar_module_with_dim_scaled_prior,
    get_gaussian_likelihood_with_lognormal_prior,
)
from botorch.posteriors import GPyTorchPosterior
from gpytorch import settings
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.models import ExactGP
from gpytorch.priors import LogNormalPrior
from jaxtyping import Float
from linear_operator.utils.cholesky import psd_safe_cholesky
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor

from gdopt.surrogates.base import by_rows

__all__ = ["BOX", "LEAST", "GaussianProcess", "conditioned", "fit", "fitted", "scaled"]

# z has spread 1 and lies within about ±3; the model's length-scale prior (Hvarfner et al. 2024) is for a unit box.
BOX = 3.0
# The most L-BFGS iterations on the marginal likelihood: as many as the time of an `ask` allows.
ITERATIONS = 75
# Rows of one computation of means.
MEANS = 2000
# The least multiple of a covariance.
LEAST = 1e-6


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted Gaussian process of transformed values y at z.

    Args:
        model: over `transform_inputs(z)`.
        z: training inputs, `k x d`.
        y: transformed values at z.
        box: unit of the model's coordinates in z: one for all columns, or one for each column.

    Example:
        >>> z = torch.linspace(-1, 1, 6, dtype=torch.float64).unsqueeze(1)
        >>> mean, variance = fit(z, z.squeeze(1)).predict(z[:2])
        >>> bool(mean[0] < mean[1])
        True
    """

    model: SingleTaskGP
    z: Float[Tensor, "k d"]
    y: Float[Tensor, " k"]
    box: float | Float[Tensor, " d"] = BOX

    def transform_inputs(self, z: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
        """The model's own coordinates of rows of z."""
        return z / self.box

    def predict(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Mean and variance at each row of z, differentiable."""

        def moments(inputs: Float[Tensor, "m d"]) -> tuple[Tensor, Tensor]:
            posterior = self.model.posterior(inputs)
            with warnings.catch_warnings():
                # At training points the variance can be rounded below 0; gpytorch then takes 1e-10.
                warnings.simplefilter("ignore", NumericalWarning)
                return posterior.mean, posterior.variance

        return by_rows(moments, self.transform_inputs(z))

    def mean(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """The mean at each row of z."""
        with torch.no_grad():
            # A posterior has the joint covariance of its rows.
            parts = [self.model.posterior(part).mean.squeeze(-1) for part in self.transform_inputs(z).split(MEANS)]
            return torch.cat(parts)

    def gradient(self, z: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
        """The gradient of the mean at a point."""
        at = z.detach().requires_grad_(True)
        mean = self.model.posterior(self.transform_inputs(at.unsqueeze(0))).mean.sum()
        (gradient,) = torch.autograd.grad(mean, at)
        return gradient

    def sample_posterior(
        self, z: Float[Tensor, "n d"], draws: int, spread: float, generator: torch.Generator
    ) -> Float[Tensor, "draws n"]:
        """Joint posterior samples at the rows of z, their deviations from the mean multiplied by `spread`."""
        with torch.no_grad():
            posterior = cast(GPyTorchPosterior, self.model.posterior(self.transform_inputs(z)))
            with warnings.catch_warnings():
                # Near candidates have nearly equal rows; the jitter that is added then is far below the spread of
                # samples. warnings.simplefilter("ignore", NumericalWarning)
                root = psd_safe_cholesky(posterior.distribution.covariance_matrix)
            noise = torch.randn(draws, len(z), generator=generator, dtype=z.dtype)
            values: Tensor = posterior.distribution.mean + spread * noise @ root.T
            return values

    def condition_on_observations(self, z: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> "GaussianProcess":
        """The process with further observations of transformed values; noise and length scales stay."""
        return replace(self, model=cast(SingleTaskGP, conditioned(self.model, self.transform_inputs(z), y)))


def conditioned(model: Model, inputs: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> Model:
    """A model of BoTorch with further observations; noise and length scales stay.

    Where the noise of observations is known, the further ones get its median.

    Raises:
        NotImplementedError: BoTorch cannot condition a model of this kind.
    """
    likelihood = getattr(model, "likelihood", None)
    known = {}
    if isinstance(likelihood, FixedNoiseGaussianLikelihood):
        # BoTorch transforms the values here, but not the noise.
        known["noise"] = torch.full_like(y.unsqueeze(1), float(likelihood.noise_covar.noise.median()))
    with torch.no_grad():
        model.posterior(inputs[:1])  # a model can be conditioned only after a prediction
        return model.condition_on_observations(inputs, y.unsqueeze(1), **known)


def fit(
    z: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None = None
) -> GaussianProcess:
    """A Gaussian process of transformed values y at z: Matérn-5/2 with dimension-scaled length-scale priors.

    A homoscedastic noise variance is inferred, on top of known variances: reported standard errors exclude run-to-run
    variability, and the model is misspecified.

    Args:
        z: training inputs, `n x d`, with a spread of about 1.
        y: transformed values, of about unit variance.
        variance: of the noise of each y, where it is known; 0 is allowed.
    """
    covariance = get_covar_module_with_dim_scaled_prior(ard_num_dims=z.shape[1], use_rbf_kernel=False)
    return fitted(covariance, BOX, z, y, variance)


def scaled(covariance: Kernel, location: float) -> ScaleKernel:
    """A covariance times a factor to fit, whose logarithm has the prior N(location, 1)."""
    # The prior has no density at 0, to which rounding would take a useless factor.
    bound = GreaterThan(LEAST, initial_value=math.exp(location))
    return ScaleKernel(covariance, outputscale_prior=LogNormalPrior(location, 1.0), outputscale_constraint=bound)


def fitted(
    covariance: Kernel,
    box: float | Float[Tensor, " d"],
    z: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    variance: Float[Tensor, " n"] | None,
    sample: int | None = None,
) -> GaussianProcess:
    """The process of a covariance of z / box, with its parameters, noise and constant mean at their MAP estimate.

    Args:
        covariance: with its priors.
        box: unit of the coordinates of the covariance, for all columns or for each.
        z: training inputs, `n x d`.
        y: transformed values, of about unit variance.
        variance: of the noise of each y; see `fit`.
        sample: number of values, evenly spaced in their order, in the likelihood; all by default. The process is
            conditioned on all values in any case.
    """
    some = torch.arange(len(z)) if sample is None else torch.linspace(0, len(z) - 1, min(sample, len(z))).round().long()
    likelihood = get_gaussian_likelihood_with_lognormal_prior() if variance is None else _beside(variance[some])
    model = SingleTaskGP(
        z[some] / box, y[some].unsqueeze(1), likelihood=likelihood, outcome_transform=None, covar_module=covariance
    )
    mll = ExactMarginalLogLikelihood(model.likelihood, model)
    # A retry of the fit draws from the priors with the global generator.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(0)
        warnings.simplefilter("ignore")
        try:
            fit_gpytorch_mll(mll, optimizer_kwargs={"options": {"maxiter": ITERATIONS}})
        except ModelFittingError:
            model.eval()  # the modes of the priors are still a usable model
    if len(some) < len(z):
        cast(ExactGP, model).set_train_data(z / box, y, strict=False)
        if variance is not None:
            likelihood.noise_covar.noise = _beside(variance).noise_covar.noise
    return GaussianProcess(model, z, y, box)


def _beside(variance: Float[Tensor, " n"]) -> FixedNoiseGaussianLikelihood:
    """Noise of known variances, plus an inferred variance with the usual prior."""
    inferred = get_gaussian_likelihood_with_lognormal_prior().noise_covar
    return FixedNoiseGaussianLikelihood(
        variance.clamp_min(settings.min_fixed_noise.value(variance.dtype)),
        learn_additional_noise=True,
        noise_prior=inferred.noise_prior,
        noise_constraint=inferred.raw_noise_constraint,
    )
