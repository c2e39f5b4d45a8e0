"""BoTorch's models and acquisition functions as the surrogate, the guidance and the selection of a study."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.analytic import AnalyticAcquisitionFunction
from botorch.models.model import Model
from botorch.posteriors.fully_bayesian import GaussianMixturePosterior
from botorch.posteriors.torch import TorchPosterior
from botorch.sampling.get_sampler import get_sampler
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.batch import BatchSelector, SelectionInput
from gdopt.acquisition.noisy_ei import optimize_discrete
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.adapters.botorch.checks import check_count
from gdopt.algorithms.guided import Guide
from gdopt.baselines.cube import to_unit
from gdopt.diffusion import guidance as guidances
from gdopt.diffusion.denoiser import Denoiser
from gdopt.errors import NumericsError, SettingsError
from gdopt.randomness import isolated, seed_from
from gdopt.surrogates.base import Surrogate, SurrogateFactory, by_rows
from gdopt.surrogates.gp import conditioned

__all__ = ["FittedModel", "guidance", "selection", "surrogate", "unit"]

# From u (n x d) and y (n x 1) to a fitted model of one output.
ModelFactory = Callable[[Tensor, Tensor], Model]
# From the model with its u and y to an acquisition function of u.
Acquisition = Callable[[Model, Tensor, Tensor], AcquisitionFunction]


def unit(z: Tensor) -> Tensor:
    """u = (z/√3 + 1)/2: the box becomes the unit cube, and designs of a prior have the variance of its uniform points.

    One number in twelve of normally distributed designs is outside the cube.

    Example:
        >>> unit(torch.tensor([0.0, 3**0.5])).tolist()
        [0.5, 1.0]
    """
    return to_unit(z)


@dataclass(frozen=True)
class FittedModel:
    """A model of BoTorch as the surrogate of a study.

    Args:
        model: of one output, over `inputs(z)`.
        z: the designs with results, the best first.
        y: their transformed values.
        transform_inputs: from rows of z to the model's own coordinates.
    """

    model: Model
    z: Float[Tensor, "k d"]
    y: Float[Tensor, " k"]
    transform_inputs: Callable[[Tensor], Tensor]

    def predict(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Mean and variance at each row of z, differentiable."""
        return by_rows(lambda inputs: _moments(self.model.posterior(inputs)), self.transform_inputs(z))

    def mean(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """The mean at each row of z."""
        with torch.no_grad():
            return _moments(self.model.posterior(self.transform_inputs(z)))[0].flatten()

    def sample_posterior(
        self, z: Float[Tensor, "n d"], draws: int, spread: float, generator: torch.Generator
    ) -> Float[Tensor, "draws n"]:
        """Joint posterior samples at the rows of z (BoTorch's sampler); deviations from the mean times `spread`."""
        seed = seed_from(generator)
        with torch.no_grad(), isolated(seed):
            posterior = cast(TorchPosterior, self.model.posterior(self.transform_inputs(z)))
            samples = get_sampler(posterior, torch.Size([draws]), seed=seed)(posterior).squeeze(-1)
            if isinstance(posterior, GaussianMixturePosterior):
                # At random, not in turn: every second point of a Sobol sequence lies in one half of the cube.
                of = torch.randint(samples.shape[1], (draws,), generator=generator)
                samples = samples[torch.arange(draws), of]
            mean = _moments(posterior)[0].flatten()
            values: Tensor = mean + spread * (samples - mean)
            return values

    def condition_on_observations(self, z: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> "FittedModel":
        """The model conditioned on further values; the same model if BoTorch cannot condition it."""
        try:
            return replace(self, model=conditioned(self.model, self.transform_inputs(z), y))
        except NotImplementedError:
            return self


def surrogate(factory: ModelFactory, inputs: Callable[[Tensor], Tensor] = unit) -> SurrogateFactory:
    """Any BoTorch model as `GuidedDiffusion(surrogate=...)`.

    Args:
        factory: from (u, y) to a fitted model: u is `n x d`, the best design first; y is `n x 1` and transformed,
            higher is better. It runs in a random state of its own, so that the same values give the same model. It does
            not get reported standard errors, and infers its noise. Reported gradients reach the model by
            `condition_on_observations`, if BoTorch can condition it.
        inputs: from rows of z to u, differentiable. `prior.codec.decode_array` gives the designs' own values.

    Raises:
        SettingsError: in an `ask`, the factory returns no BoTorch model, or a model of several outputs.
        NumericsError: in an `ask`, predictions of the model are not finite.

    Example:
        >>> from botorch.models import SingleTaskGP
        >>> from gdopt import GuidedDiffusion
        >>> algorithm = GuidedDiffusion(surrogate=surrogate(SingleTaskGP))
    """

    def fit(
        z: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None = None
    ) -> FittedModel:
        del variance  # a factory's model infers its noise
        u = inputs(z)
        with isolated(0):
            model = factory(u, y.unsqueeze(1))
            _check_model(model)
            fitted = FittedModel(model.eval(), z, y, inputs)
            mean, variance = fitted.predict(z)
        if not (mean.isfinite().all() and variance.isfinite().all()):
            raise NumericsError(f"{type(model).__name__} predicts values that are not finite: see how it is fitted")
        return fitted

    return fit


def guidance(acquisition: Acquisition) -> Guide:
    """An acquisition function at the look-ahead as `GuidedTuning(guidance=...)`.

    Its value times `guidance_scale` is added to the log density. A logarithm such as LogEI or qLogEI therefore tilts
    the distribution by the improvement itself (`gdopt.diffusion.guidance.acquisition`).

    Args:
        acquisition: from (model, u, y) to an acquisition function of `n x 1 x d`; y as of `surrogate`'s factory.

    Raises:
        SettingsError: in an `ask`, `acquisition` returns no BoTorch acquisition function.

    Example:
        >>> from botorch.acquisition import qUpperConfidenceBound
        >>> from gdopt import GuidedTuning
        >>> tuning = GuidedTuning(guidance=guidance(lambda model, u, y: qUpperConfidenceBound(model, beta=1.0)))
    """

    def guide(denoiser: Denoiser, surrogate: Surrogate, best: float) -> Denoiser:
        del best  # of all values; the model's own values are in y
        acqf = _made(acquisition, surrogate, 0)
        return guidances.acquisition(denoiser, lambda z: acqf(surrogate.transform_inputs(z.squeeze(1)).unsqueeze(1)))

    return guide


# qLogEI takes 7 seconds of one core for a batch of 16 from a pool of 1000, and 29 seconds for a batch of 32.
MOST = 16


def selection(acquisition: Acquisition, most: int = MOST) -> BatchSelector:
    """Sequential greedy batches of an acquisition function as `GuidedDiffusion(selection=...)`.

    Pending designs and the designs of the batch so far are its `X_pending`. Its time therefore grows faster than the
    batch: beyond the first `most` designs, Thompson sampling selects from the rest of the pool.

    Args:
        acquisition: from (model, u, y) to an acquisition function; y as of `surrogate`'s factory.
        most: the number of designs of a batch that the acquisition function selects.

    Raises:
        SettingsError: `most` is below 1; in an `ask`, `acquisition` returns no BoTorch acquisition function, or returns
            an analytic one, which supports no pending designs, where there are some.

    Example:
        >>> from botorch.acquisition import qLogNoisyExpectedImprovement
        >>> from gdopt import GuidedDiffusion
        >>> by_qlognei = selection(lambda model, u, y: qLogNoisyExpectedImprovement(model, X_baseline=u))
        >>> algorithm = GuidedDiffusion(selection=by_qlognei)
    """

    check_count("most", most, 1)

    def chosen(given: SelectionInput) -> list[int]:
        surrogate, pool, n, pending = given.surrogate, given.pool, given.n, given.pending
        first, seed = min(n, most), seed_from(given.generator)
        acqf = _made(acquisition, surrogate, seed)
        if first > 1 or len(pending):
            _check_joint(acqf, first, len(pending))
        with isolated(seed):
            if len(pending):
                acqf.set_X_pending(surrogate.transform_inputs(pending))
            picks = optimize_discrete(acqf, surrogate.transform_inputs(pool), first)
        if n == first:
            return picks
        rest = [row for row in range(len(pool)) if row not in picks]
        return picks + [rest[i] for i in _thompson(given, rest, n - first)]

    return chosen


def _thompson(given: SelectionInput, rest: list[int], n: int) -> list[int]:
    """n of the rows `rest` of the pool by Thompson sampling; indices into `rest`."""
    return thompson_sampling(given.surrogate, given.pool[rest], n, given.thompson_scale, given.generator)


def _made(acquisition: Acquisition, surrogate: Surrogate, seed: int) -> AcquisitionFunction:
    with isolated(seed):
        acqf = acquisition(surrogate.model, surrogate.transform_inputs(surrogate.z), surrogate.y.unsqueeze(1))
    if not isinstance(acqf, AcquisitionFunction):
        raise SettingsError(f"acquisition made a {type(acqf).__name__}: expected an AcquisitionFunction of BoTorch")
    return acqf


def _moments(posterior: Any) -> tuple[Tensor, Tensor]:
    """Mean and variance of a posterior; of a fully Bayesian model, mean and variance of the mixture."""
    if isinstance(posterior, GaussianMixturePosterior):
        return posterior.mixture_mean, posterior.mixture_variance
    return posterior.mean, posterior.variance


def _check_model(model: object) -> None:
    if not isinstance(model, Model):
        raise SettingsError(f"factory made a {type(model).__name__}: expected a Model of BoTorch")
    if model.num_outputs != 1:
        raise SettingsError(f"{type(model).__name__} has {model.num_outputs} outputs: expected 1, the study's value")


def _check_joint(acqf: AcquisitionFunction, n: int, pending: int) -> None:
    if isinstance(acqf, AnalyticAcquisitionFunction):
        raise SettingsError(
            f"{type(acqf).__name__} selects one design with none pending, here {n} with {pending} pending: "
            "use its Monte Carlo counterpart, such as qLogExpectedImprovement"
        )
