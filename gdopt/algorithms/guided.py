"""Guided diffusion: learn from the results, then sample towards better values. The file to read first."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.batch import BatchSelector, SelectionInput, select_batch
from gdopt.acquisition.data import TrainingData
from gdopt.acquisition.design_filter import DesignFilter, FilterSession, RowSelector
from gdopt.acquisition.feasibility import likely_to_succeed, success_probability
from gdopt.acquisition.surrogate import fit_surrogate, probability_feasible, with_gradients
from gdopt.algorithms.local_density import local_density
from gdopt.algorithms.settings import checked_shares, require
from gdopt.algorithms.sources import Guide, Sources, to_improvement
from gdopt.arguments import assign, at_least, check_calls, number, whole
from gdopt.candidates.base_distribution import BaseDistribution
from gdopt.candidates.initial import (
    START,
    check_not_exhausted,
    check_space,
    codec_of,
    default_n_initial,
    distinct_new,
    fallback_designs,
    initial_designs,
    is_initialized,
    new_rows,
    untried_designs,
    with_initial_trials,
)
from gdopt.candidates.portfolio import portfolio
from gdopt.candidates.steps import PARENTS, Pool, elite_of, elite_weights, joined, pool_size
from gdopt.codecs.base import Codec
from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.network import PreconditionedNet
from gdopt.diffusion.training import fit, replay_mixture, with_weights
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.randomness import stream
from gdopt.renamed import renamed
from gdopt.space.parameters import Params, design_key
from gdopt.space.space import Space
from gdopt.surrogates import gp, mixed
from gdopt.surrogates.base import SurrogateFactory
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import OutcomeTransform, power
from gdopt.trials.proposals import append, exhausted
from gdopt.trials.ranking import rank
from gdopt.trials.state import State

__all__ = ["Guide", "GuidedDiffusion", "GuidedTuning", "to_improvement"]

# The share of the pool whose mass lift is estimated.
TOP = 0.1
# With a design filter, the first designs are drawn from this many times as many.
STARTS = 16
# AdamW's learning rate in fine-tuning: a third of pretraining's.
TUNING_RATE = 3e-4
# The setting of each source's share, by the name of the source in `Trial.source`.
SHARES = {
    "refitted": "share_refitted",
    "guided": "share_guided",
    "renoised": "share_sdedit",
    "broad": "share_broad",
}


@dataclass(frozen=True, kw_only=True)
class GuidedTuning:
    """The fine settings of `GuidedDiffusion`: the defaults are the ones that docs/reference/benchmarks.md measures.

    All shares are of the pool of the first learned round; `gdopt.candidates.portfolio` adapts them later. The rest of
    the pool are contracted steps of the prior.

    Args:
        share_refitted: candidates whose steps are differences of the best designs.
        share_guided: guided draws of the prior moved to the best designs; 0 by default, as they take a third of the
            time and gain nothing over ten seeds (docs/reference/benchmarks.md).
        share_sdedit: the best designs, noised and denoised again under guidance (SDEdit, Meng et al. 2022).
        share_broad: designs of the prior from anywhere with the highest upper confidence bound: of the corpus, or draws
            of the box.
        momentum: step of half of the pool along the last move of the centre, in units of that move.
        gradient_step: step of half of the pool along the reported gradients of the elite, in units of the contraction.
        gradient_radius: distance from the best designs within which the surrogate uses reported gradients, in units of
            the contraction.
        n_elite: number of best designs whose mean is the centre.
        n_parents: number of best designs whose covariance is the refitted one.
        max_training_points: number of best designs that the surrogate is fitted to.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
        outcome_transform: of the values, before the surrogate is fitted.
        guidance: of a denoiser, given the surrogate and the best transformed value; to the probability of improvement
            by default.
        max_filter_calls: calls of `design_filter` in one `ask`, at most.

    Raises:
        SettingsError: a setting is out of its range.

    Example:
        >>> GuidedTuning(n_elite=20).n_elite
        20
    """

    share_refitted: float = 0.25
    share_guided: float = 0.0
    share_sdedit: float = 0.4
    share_broad: float = 0.1
    momentum: float = 1.0
    gradient_step: float = 3.0
    gradient_radius: float = 0.5
    n_elite: int = 12
    n_parents: int = 80
    max_training_points: int = 200
    thompson_scale: float = 0.5
    outcome_transform: OutcomeTransform = power
    guidance: Guide = to_improvement
    max_filter_calls: int = 1000

    def __post_init__(self) -> None:
        for name, least in {"n_elite": 2, "n_parents": 2, "max_training_points": 2, "max_filter_calls": 1}.items():
            assign(self, **{name: at_least(least, name, getattr(self, name), whole)})
        for name in ("momentum", "gradient_step", "gradient_radius", "thompson_scale"):
            assign(self, **{name: at_least(0, name, getattr(self, name), number)})
        for name in ("outcome_transform", "guidance"):
            require(callable(getattr(self, name)), name, getattr(self, name), "a function")
        assign(self, **checked_shares({name: getattr(self, name) for name in SHARES.values()}))


# Settings of version 0.1, by their names of today.
OLD_SETTINGS = {
    "start": "n_initial",
    "strength": "guidance_scale",
    "allowed": "design_filter",
    "refit": "tuning=GuidedTuning(share_refitted=...)",
    "guide": "tuning=GuidedTuning(share_guided=...)",
    "renoise": "tuning=GuidedTuning(share_sdedit=...)",
    "broad": "tuning=GuidedTuning(share_broad=...)",
    "momentum": "tuning=GuidedTuning(momentum=...)",
    "climb": "tuning=GuidedTuning(gradient_step=...)",
    "slopes": "tuning=GuidedTuning(gradient_radius=...)",
    "elites": "tuning=GuidedTuning(n_elite=...)",
    "family": "tuning=GuidedTuning(n_parents=...)",
    "keep": "tuning=GuidedTuning(max_training_points=...)",
    "temper": "tuning=GuidedTuning(thompson_scale=...)",
    "warp": "tuning=GuidedTuning(outcome_transform=...)",
    "guidance": "tuning=GuidedTuning(guidance=...)",
    "checks": "tuning=GuidedTuning(max_filter_calls=...)",
}


@renamed(arguments=OLD_SETTINGS)
@dataclass(frozen=True, kw_only=True)
class GuidedDiffusion:
    """Proposals of a diffusion model that is fine-tuned and guided round by round (Guo et al. 2024, Algorithm 2).

    The first designs come from the corpus, or from a Sobol sequence over the box. From then on an `ask` is four
    steps: *learn* (fit the surrogate to the best results; move, contract and refit the prior at the best designs),
    *guide* (tilt this local density to improvement, by the surrogate's gradient at the look-ahead), *sample* a pool of
    candidates, *select* a batch from the pool.

    Args:
        prior: a diffusion model of unlabelled designs; without one, the uniform distribution on the box.
        n_initial: results before the first learned proposal, failed trials among them; by default twice the dimension,
            between 4 and 10, and no more than half of the designs of a small space.
        candidates: size of the pool, at least; four for each proposal, if that is more.
        guidance_scale: strength of the guidance; 1 is calibrated to the surrogate's uncertainty. For many categorical
            parameters it grows with their number.
        finetune: optimizer steps of the network in every `ask`, on the corpus and the best designs half and half.
        surrogate: fits a model to the best results; by default a Gaussian process, with a covariance of categories
            where there are choices. `gdopt.adapters.botorch.surrogate` makes one of any model of BoTorch.
        selection: of a batch from the pool; by default qLogNEI for few designs and Thompson sampling for many.
        design_filter: whether a design may be proposed, such as one that a mesh generator accepts; by default all. No
            trial fails it. Rejected designs are kept and learned from, so that calls stay few
            (`gdopt.acquisition.design_filter`). Its answer for a design must not change.
        tuning: the fine settings.

    Raises:
        SettingsError: a setting is out of its range.

    Example:
        >>> import gdopt
        >>> space = gdopt.Space.from_bounds([(-1, 1)] * 3)
        >>> study = gdopt.Study(space, direction="maximize", algorithm=gdopt.GuidedDiffusion(n_initial=5))
        >>> len(study.ask(2))
        2
    """

    prior: DiffusionPrior | None = None
    n_initial: int | None = None
    candidates: int = 1000
    guidance_scale: float = 1.0
    finetune: int = 0
    surrogate: SurrogateFactory | None = None
    selection: BatchSelector = select_batch
    design_filter: DesignFilter | None = None
    tuning: GuidedTuning = field(default_factory=GuidedTuning)

    # More than one objective is taken, and outcome constraints are modelled.
    several: ClassVar[bool] = True
    limited: ClassVar[bool] = True

    def __post_init__(self) -> None:
        wholes = {"candidates": 2, "finetune": 0}
        if self.n_initial is not None:
            wholes["n_initial"] = 2
        for name, least in wholes.items():
            assign(self, **{name: at_least(least, name, getattr(self, name), whole)})
        assign(self, guidance_scale=at_least(0, "guidance_scale", self.guidance_scale, number))
        require(callable(self.selection), "selection", self.selection, "a function")
        check_calls(surrogate=self.surrogate, design_filter=self.design_filter)
        require(isinstance(self.tuning, GuidedTuning), "tuning", self.tuning, "a GuidedTuning")
        require(self.prior is None or isinstance(self.prior, DiffusionPrior), "prior", self.prior, "a DiffusionPrior")
        network = self.prior is None or isinstance(self.prior.denoiser, PreconditionedNet)
        require(network or not self.finetune, "finetune", self.finetune, "0, as the prior has no network to train on")

    def init(self, space: Space, seed: int) -> State:
        """The state of a new study.

        Raises:
            SpaceError: the prior is of another space, or the constraints leave nothing to try.
        """
        check_space(space, self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, proposed from the results so far; with fewer, if fewer designs are left.

        Raises:
            ExhaustedError: all designs were tried.
            SettingsError: `max_filter_calls` calls of `design_filter` accepted fewer than n designs, or one call
                returned neither True nor False. What the filter raises is passed on, with a note that has the design.
        """
        codec = codec_of(state.space, self.prior, state.fixed)
        check_not_exhausted(state, codec)
        data = TrainingData(state, codec)
        wanted = self.n_initial or default_n_initial(codec_of(state.space, self.prior))
        if not is_initialized(state, data.n_complete, wanted):
            return self._first(state, codec, n)
        generator = stream(state.seed, len(state.notes))
        # Learn.
        base = BaseDistribution(codec, self.prior)
        state, denoiser = self._fine_tune(state, base, data.z, generator)
        tuning = self.tuning
        density = local_density(
            data,
            base,
            denoiser,
            generator,
            n_elite=tuning.n_elite,
            n_parents=tuning.n_parents,
            momentum=tuning.momentum,
            gradient_step=tuning.gradient_step,
        )
        surrogate = fit_surrogate(
            data, tuning.max_training_points, tuning.outcome_transform, self.surrogate or _default_surrogate(codec)
        )
        surrogate = with_gradients(surrogate, data, tuning.gradient_radius * density.scale, generator)
        # Guide and sample.
        shares = portfolio(self._first_shares(), rank(state.config, state.done))
        sources = Sources(base, density, surrogate, tuning.guidance, self.guidance_scale, generator)
        pool, params = self._new_candidates(sources.pool(shares, pool_size(self.candidates, n)), state, codec, n)
        # Select.
        session = FilterSession(self.design_filter, tuning.max_filter_calls, state, n)
        picks = session.accept(params, self._selection(session, pool, surrogate, data, codec, generator))
        names = [pool.sources[i] for i in pool.source[picks].tolist()]
        names += [START] * self._fill(session, codec)
        if not session.accepted:
            raise exhausted(session.state)
        z = codec.encode(session.accepted)
        lift = _mass_lift(surrogate, pool.z, codec.with_defaults_for_inactive(density.draws))
        return append(
            session.state,
            session.accepted,
            names,
            surrogate.mean(z).tolist(),
            {"scale": density.scale, "mass_lift": lift},
            probability_feasible(surrogate, z),
        )

    def _first(self, state: State, codec: Codec, n: int) -> State:
        """The state with n pending initial trials.

        With a design filter, designs are checked in proportion to their probability of passing, so that the accepted
        ones are spread like all designs that pass.
        """
        if self.design_filter is None:
            return with_initial_trials(state, initial_designs(state, self.prior, n))
        most = self.tuning.max_filter_calls
        session, generator = FilterSession(self.design_filter, most, state, n), stream(state.seed, len(state.notes))
        # Not all at once: with constraints, a thousand take seconds.
        for size in (STARTS * n, max(STARTS * n, most)):
            if session.missing:
                designs = initial_designs(state, self.prior, size)
                unknown = session.unchecked([designs[row] for row in new_rows(designs, state)])
                session.accept(unknown, _by_probability(session, codec, unknown, generator))
        self._fill(session, codec)
        return with_initial_trials(session.state, session.accepted)

    def _fill(self, session: FilterSession, codec: Codec) -> int:
        """Add as many initial designs to the batch as are missing, or all that are left; their number.

        Raises:
            SettingsError: too few designs pass the filter.
        """
        before = len(session.accepted)
        if session.missing:
            more = fallback_designs(session.state, self.prior, session.accepted, session.missing)
            session.accept(more, lambda rows, count: rows[:count])
        if session.missing and self.design_filter is not None:
            known = {design_key(one) for one in [*session.state.known, *session.accepted]}
            if untried_designs(codec, known, 1) != []:
                raise session.too_few()
        return len(session.accepted) - before

    def _fine_tune(
        self, state: State, base: BaseDistribution, z: Float[Tensor, "n d"], generator: torch.Generator
    ) -> tuple[State, Denoiser]:
        """The base denoiser; with `finetune`, its network trained on with replay (Algorithm 2, step 3)."""
        denoiser = base.denoiser(elite_of(z, PARENTS), generator)
        if self.prior is None or not self.finetune:
            return state, denoiser
        assert isinstance(denoiser, PreconditionedNet)
        net = with_weights(denoiser, state.tensors)
        best = z[: self.tuning.n_parents]
        rows, weights = replay_mixture(self.prior.z, best, elite_weights(len(best)), corpus_weights=self.prior.weights)
        net, _ = fit(
            net,
            rows,
            generator,
            weights=weights,
            steps=self.finetune,
            learning_rate=TUNING_RATE,
            holdout=0,
            check_every=self.finetune,
        )
        return replace(state, tensors=net.state_dict()), net

    def _first_shares(self) -> dict[str, float]:
        """The sources with their shares of the first pool."""
        shares = {source: getattr(self.tuning, name) for source, name in SHARES.items()}
        shares["contracted"] = max(0.0, 1 - sum(shares.values()))
        return {name: share for name, share in shares.items() if share > 0}

    def _new_candidates(self, pool: Pool, state: State, codec: Codec, n: int) -> tuple[Pool, list[Params]]:
        """The candidates that were not tried, with their designs; filled up with initial designs to more than n."""
        rows, params = distinct_new(pool.z, state, codec)
        pool = Pool(codec.encode(params), pool.source[rows], pool.sources)
        if len(params) >= n:
            return pool, params
        more = fallback_designs(state, self.prior, params, n - len(params))
        return joined(pool, START, codec.encode(more)), params + more

    def _selection(
        self,
        session: FilterSession,
        pool: Pool,
        surrogate: MultiOutputSurrogate,
        data: TrainingData,
        codec: Codec,
        generator: torch.Generator,
    ) -> RowSelector:
        """Selects among the candidates that are likely to succeed, beside pending trials and the batch so far."""

        def pick(left: list[int], count: int) -> list[int]:
            usable = likely_to_succeed(session.state, codec, pool.z[left], count, session.accepted)
            rows = [left[i] for i in usable]
            beside = torch.cat([data.pending, codec.encode(session.accepted)])
            scale = self.tuning.thompson_scale
            return [
                rows[i]
                for i in self.selection(SelectionInput(surrogate, pool.z[rows], count, beside, scale, generator))
            ]

        return pick


def _default_surrogate(codec: Codec) -> SurrogateFactory:
    """The Gaussian process of the codec's coordinates, with a covariance of categories where there are any."""
    blocks = codec.categories
    if not blocks:
        return gp.fit
    one, other = blocks[0].points[:2]
    return partial(mixed.fit, [block.columns for block in blocks], float((one - other).square().sum()))


def _by_probability(
    session: FilterSession, codec: Codec, designs: list[Params], generator: torch.Generator
) -> RowSelector:
    """Picks designs in proportion to their probability of passing the filter; in order while nothing is known."""
    z = codec.encode(designs)

    def pick(left: list[int], count: int) -> list[int]:
        probability = success_probability(session.state, codec, z[left], session.accepted)
        if bool((probability == 1).all()):
            return left[:count]
        return [left[i] for i in torch.multinomial(probability, count, generator=generator).tolist()]

    return pick


def _mass_lift(surrogate: MultiOutputSurrogate, pool: Float[Tensor, "m d"], draws: Float[Tensor, "k d"]) -> float:
    """The share of the pool in the best tenth of the base distribution, by the surrogate, divided by a tenth.

    An estimate of the mass lift, which governs the regret of guided sampling (Yang et al. 2026, arXiv 2605.10385).
    """
    level = surrogate.mean(draws).quantile(1 - TOP)
    return float((surrogate.mean(pool) > level).double().mean()) / TOP
