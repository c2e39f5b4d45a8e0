"""gdopt's laws as candidates for BoTorch; BoTorch's models and acquisition functions inside `GuidedDiffusion`.

Three kinds of rows meet here, and nowhere else:

* x    what BoTorch's user works in: a column for each parameter, its own value or one scaled to other bounds (`Box`);
* z    what gdopt works in (`gdopt.codecs.base`): the box at ±√3, or a prior's whitened directions;
* u    what a model within `GuidedDiffusion` is of: `inputs(z)`, by default `unit(z)`, where the box is the unit cube.

BoTorch maximizes; the values that a model sees here are warped, and higher is better whatever the study's direction.
"""

from collections.abc import Callable, Sequence
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
from gdopt.algorithms.guided import Guide, GuidedDiffusion
from gdopt.codecs.columns import SQRT_3, as_array
from gdopt.diffusion import guidance as guidances
from gdopt.diffusion.denoiser import Denoiser
from gdopt.errors import NumericsError, SettingsError, SpaceError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.randomness import isolated, seed_from
from gdopt.space.parameters import Integer, Params, Real, conditions
from gdopt.space.space import Space
from gdopt.study.study import Study
from gdopt.surrogates.base import Surrogate, SurrogateFactory, by_rows
from gdopt.surrogates.gp import conditioned

__all__ = [
    "Box",
    "FittedModel",
    "guidance",
    "prior_candidates",
    "prior_generator",
    "selection",
    "study_candidates",
    "surrogate",
    "unit",
]

# --- designs for BoTorch ------------------------------------------------------------------------------

# Rounding may carry x out of its bounds by this share of their width.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Box:
    """Designs as rows x: a column for each parameter of a space, in its order, scaled linearly to the bounds.

    Args:
        space: of `Real` and `Integer` parameters.
        bounds: lows and highs of x, as BoTorch takes them; by default the space's own, so that x are the parameters'
            own values. With 0 and 1, x is in the unit cube.

    Raises:
        SpaceError: the space has a choice, which is no number, or a parameter that does not always count.
        SettingsError: the bounds are not (2, d) finite numbers of double precision, each low below its high.
    """

    space: Space
    bounds: Tensor

    def __init__(self, space: Space, bounds: Tensor | None = None) -> None:
        if others := [p.name for p in space.parameters if not isinstance(p, Real | Integer)]:
            raise SpaceError(f"{others} are no numbers: rows of numbers need Real and Integer parameters only")
        if sometimes := [p.name for p in space.parameters if conditions(p)]:
            raise SpaceError(f"{sometimes} do not always count, and a row of numbers has one in each column")
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "bounds", self.own if bounds is None else bounds)
        _check_bounds(self.bounds, len(space.parameters))

    @property
    def own(self) -> Float[Tensor, "2 d"]:
        """The bounds of the parameters' own values."""
        ends = [[getattr(p, end) for p in self.space.parameters] for end in ("low", "high")]
        return torch.tensor(ends, dtype=torch.float64)

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The row of each design.

        Raises:
            SpaceError: the space does not allow one.
        """
        for one in params:
            self.space.check(one)
        return self.scaled(as_array(self.space, params))

    def scaled(self, values: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Rows of the parameters' own values, within the space, as x within the bounds."""
        return _moved(values, self.own, self.bounds).clamp(*self.bounds)

    def decode(self, x: Tensor) -> list[Params]:
        """The design of each row, with whole numbers rounded: what to measure, or to `Study.add`.

        Raises:
            SettingsError: x is not (n, d) finite numbers of double precision within the bounds.
            SpaceError: a design breaks one of the space's constraints.
        """
        self._check(x)
        designs = [self._design(row) for row in _moved(x, self.bounds, self.own).clamp(*self.own).tolist()]
        for one in designs:
            self.space.check(one)
        return designs

    def _design(self, row: Sequence[float]) -> Params:
        pairs = zip(self.space.parameters, row, strict=True)
        return {p.name: round(value) if isinstance(p, Integer) else value for p, value in pairs}

    def _check(self, x: Tensor) -> None:
        d = len(self.space.parameters)
        if x.ndim != 2 or x.shape[1] != d or x.dtype != torch.float64:
            raise SettingsError(
                f"x is {_kind(x)}: expected torch.float64 of shape (n, {d}), a column for each parameter"
            )
        low, high = self.bounds
        slack = ROUNDING * (high - low)
        inside = (x >= low - slack) & (x <= high + slack)
        if not inside.all():
            row, column = (~inside).nonzero()[0].tolist()
            raise SettingsError(
                f"x[{row}, {column}] = {float(x[row, column]):g} is outside [{float(low[column]):g}, "
                f"{float(high[column]):g}], the bounds of {self.space.names[column]}"
            )


# What `optimize_acqf(..., generator=...)` takes: (n, q, seed) to n x q x d.
Generator = Callable[[int, int, int | None], Tensor]


def prior_generator(prior: DiffusionPrior, bounds: Tensor | None = None, *, seed: int = 0) -> Generator:
    """The prior as `generator=` of `optimize_acqf`: raw samples are its designs, in place of Sobol points.

    Only the starts are the prior's: the ascent of the acquisition function may leave its designs' subspace. What
    `prior_candidates` gives stays on it.

    Args:
        prior: of unlabelled designs.
        bounds: of x, as for `Box`; those that `optimize_acqf` is given.
        seed: of the generator's own stream, which a call without a seed draws on from. A call with one (BoTorch's
            `options={"seed": ...}`) gives the designs of that seed. Torch's global generator is not touched.

    Raises:
        SettingsError: the bounds do not fit, the seed is no whole number from 0 on; later, n or q is below 1.
    """
    _check_count("seed", seed, 0)
    box, own = Box(prior.space, bounds), torch.Generator().manual_seed(seed)

    def generator(n: int, q: int, seed: int | None = None) -> Float[Tensor, "n q d"]:
        _check_count("n", n, 1)
        _check_count("q", q, 1)
        stream = own if seed is None else torch.Generator().manual_seed(seed)
        return _drawn(prior, box, n * q, stream).reshape(n, q, -1)

    return generator


def prior_candidates(
    prior: DiffusionPrior, n: int, bounds: Tensor | None = None, *, seed: int = 0
) -> Float[Tensor, "n d"]:
    """n designs of the prior, as `choices` of `optimize_acqf_discrete` or the points of `MaxPosteriorSampling`.

    Args:
        prior: of unlabelled designs.
        n: how many.
        bounds: of x, as for `Box`.
        seed: of the draws.

    Raises:
        SettingsError: the bounds do not fit, or n or the seed is out of its range.
    """
    _check_count("n", n, 1)
    _check_count("seed", seed, 0)
    return _drawn(prior, Box(prior.space, bounds), n, torch.Generator().manual_seed(seed))


def study_candidates(study: Study, n: int, bounds: Tensor | None = None) -> Float[Tensor, "n d"]:
    """n designs of the law that a study would sample next, all allowed by its space, and new if there are as many.

    They are a random part of the pool that `GuidedDiffusion` would select from: four times n, or its `candidates`.
    The study does not change, and gives the same candidates until it is asked or told. Before it has learned, they are
    designs of the start.

    Args:
        study: with `GuidedDiffusion` as its algorithm.
        n: how many; there are fewer where fewer designs are left.
        bounds: of x, as for `Box`.

    Raises:
        SettingsError: the study has another algorithm, the bounds do not fit, or n is out of its range.
        SpaceError: the space has a choice.
    """
    _check_count("n", n, 1)
    if not isinstance(study.algorithm, GuidedDiffusion):
        raise SettingsError(f"the study's algorithm is {type(study.algorithm).__name__}: expected GuidedDiffusion")
    box = Box(study.space, bounds)
    state = replace(study.algorithm, selection=_any).ask(study.state, n)
    return box.encode([t.params for t in state.trials[len(study.state.trials) :]])


def _any(given: SelectionInput) -> list[int]:
    """n different rows of the pool, whatever the surrogate believes of them: a `Selection`."""
    return torch.randperm(len(given.pool), generator=given.generator)[: given.n].tolist()


def _drawn(prior: DiffusionPrior, box: Box, n: int, stream: torch.Generator) -> Float[Tensor, "n d"]:
    return box.scaled(prior.codec.decode_array(prior.sample_z(n, stream)))


# --- BoTorch's models and acquisition functions within a study ----------------------------------------

# u (n x d) and y (n x 1), to a fitted model of one output.
ModelFactory = Callable[[Tensor, Tensor], Model]
# The model with its u and y, to an acquisition function of u.
Acquisition = Callable[[Model, Tensor, Tensor], AcquisitionFunction]


def unit(z: Tensor) -> Tensor:
    """u = (z/√3 + 1)/2: the box becomes the unit cube, and a prior's designs spread as points of the cube do.

    One in twelve numbers of normally spread designs is outside of it.
    """
    return (z / SQRT_3 + 1) / 2


@dataclass(frozen=True)
class FittedModel:
    """A model of BoTorch as the surrogate of a study.

    Args:
        model: of one output, over `inputs(z)`.
        z: where values are known, the best first.
        y: the warped values there.
        transform_inputs: the model's own coordinates of rows of z.
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
        """Joint draws at the rows of z by BoTorch's own sampler, their deviations multiplied by `spread`."""
        seed = seed_from(generator)
        with torch.no_grad(), isolated(seed):
            posterior = cast(TorchPosterior, self.model.posterior(self.transform_inputs(z)))
            samples = get_sampler(posterior, torch.Size([draws]), seed=seed)(posterior).squeeze(-1)
            if isinstance(posterior, GaussianMixturePosterior):
                # By chance, not in turn: every other point of a Sobol sequence lies in one half of the cube.
                of = torch.randint(samples.shape[1], (draws,), generator=generator)
                samples = samples[torch.arange(draws), of]
            mean = _moments(posterior)[0].flatten()
            values: Tensor = mean + spread * (samples - mean)
            return values

    def condition_on_observations(self, z: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> "FittedModel":
        """The model conditioned on these values too; as it is, if it is none that BoTorch can condition."""
        try:
            return replace(self, model=conditioned(self.model, self.transform_inputs(z), y))
        except NotImplementedError:
            return self


def surrogate(factory: ModelFactory, inputs: Callable[[Tensor], Tensor] = unit) -> SurrogateFactory:
    """Any model of BoTorch as `GuidedDiffusion(surrogate=...)`.

    Args:
        factory: (u, y) to a fitted model: u is n x d, the best design first, y is n x 1 and warped, higher is better.
            It runs in a random state of its own, so that the same values give the same model. Standard errors that were
            told do not reach it: it infers its noise. Gradients do, by `condition_on_observations`, if the model has
            that.
        inputs: u of rows of z, differentiable. `prior.codec.decode_array` gives a model the designs' own values.

    Raises:
        SettingsError: later, the factory's model is none of BoTorch, or has not one output.
        NumericsError: later, the model predicts what is not finite.
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
    """An acquisition function's value at the look-ahead as `GuidedDiffusion(guidance=...)`.

    It is added to the log density, times the algorithm's `strength`; so LogEI, qLogEI and the like tilt the law by the
    improvement that they stand for (`gdopt.diffusion.guidance.acquisition`).

    Args:
        acquisition: (model, u, y) to an acquisition function of n x 1 x d, with y as the factory of `surrogate` has it.

    Raises:
        SettingsError: later, it makes no acquisition function of BoTorch.
    """

    def guide(denoiser: Denoiser, surrogate: Surrogate, best: float) -> Denoiser:
        del best  # of all values; those that the model knows are in y
        acqf = _made(acquisition, surrogate, 0)
        return guidances.acquisition(denoiser, lambda z: acqf(surrogate.transform_inputs(z.squeeze(1)).unsqueeze(1)))

    return guide


# A batch of 16 from a pool of 1000 takes qLogEI 7 seconds of one core, one of 32 takes it 29.
MOST = 16


def selection(acquisition: Acquisition, most: int = MOST) -> BatchSelector:
    """An acquisition function's best batch, one design after the other, as `GuidedDiffusion(selection=...)`.

    Designs that are pending, and those of the batch so far, are its `X_pending`: so its time grows faster than the
    batch, and what is beyond the first so many is selected by Thompson sampling from the rest of the pool.

    Args:
        acquisition: (model, u, y) to an acquisition function, with y as the factory of `surrogate` has it.
        most: designs of a batch that it selects.

    Raises:
        SettingsError: most is below 1; later, no acquisition function of BoTorch is made, or an analytic one, which
            knows of no pending designs, is to select beside some.
    """

    _check_count("most", most, 1)

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
    """n of the rest of the pool by Thompson sampling."""
    return thompson_sampling(given.surrogate, given.pool[rest], n, given.thompson_scale, given.generator)


def _made(acquisition: Acquisition, surrogate: Surrogate, seed: int) -> AcquisitionFunction:
    with isolated(seed):
        acqf = acquisition(surrogate.model, surrogate.transform_inputs(surrogate.z), surrogate.y.unsqueeze(1))
    if not isinstance(acqf, AcquisitionFunction):
        raise SettingsError(f"acquisition made a {type(acqf).__name__}: expected an AcquisitionFunction of BoTorch")
    return acqf


def _moments(posterior: Any) -> tuple[Tensor, Tensor]:
    """Mean and variance; of a fully Bayesian model, those of the mixture."""
    if isinstance(posterior, GaussianMixturePosterior):
        return posterior.mixture_mean, posterior.mixture_variance
    return posterior.mean, posterior.variance


# --- checks -------------------------------------------------------------------------------------------


def _check_bounds(bounds: Tensor, d: int) -> None:
    if bounds.shape != (2, d) or bounds.dtype != torch.float64:
        raise SettingsError(
            f"bounds are {_kind(bounds)}: expected torch.float64 of shape (2, {d}), a column for each parameter"
        )
    low, high = bounds
    if not (bounds.isfinite().all() and (low < high).all()):
        raise SettingsError(f"bounds = {bounds.tolist()}: expected finite numbers, each low below its high")


def _check_count(name: str, given: int, least: int) -> None:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise SettingsError(f"{name} = {given!r}: expected a whole number, {least} or above")


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


def _kind(given: Tensor) -> str:
    return f"{given.dtype} of shape {tuple(given.shape)}"


def _moved(values: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Values between the bounds here, to where they stand between the bounds there."""
    if torch.equal(here, there):
        return values
    (low, high), (first, last) = here, there
    moved: Tensor = first + (values - low) / (high - low) * (last - first)
    return moved
