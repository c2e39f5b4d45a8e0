"""Guided diffusion: learn from what was told, then sample towards better values. The file to read first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.acquisition.batch import BatchSelector, select_batch
from gdopt.acquisition.data import pending_points, ranked_trials, training_data, values_by_round
from gdopt.acquisition.design_filter import DesignFilter, FilteredBatch, Pick
from gdopt.acquisition.feasibility import likely_to_succeed, success_probability
from gdopt.acquisition.noisy_ei import upper_confidence_bound
from gdopt.acquisition.surrogate import fit_surrogate, probability_feasible, with_gradients
from gdopt.algorithms.base import append, exhausted
from gdopt.algorithms.local_law import (
    CONSTRAINED_DRAWS,
    DRAWS,
    LocalDensity,
    before_last_round,
    categorical_product,
    gradient_direction,
)
from gdopt.arguments import assign, at_least, check_calls, number, shown, whole
from gdopt.candidates.ascent import ascend
from gdopt.candidates.discrete import Tilt
from gdopt.candidates.initial import (
    START,
    box_points,
    check_not_exhausted,
    check_space,
    codec_of,
    default_n_initial,
    distinct_new,
    fallback_designs,
    initial_designs,
    is_initialized,
    new_rows,
    uniform_points,
    untried_designs,
    with_initial_trials,
)
from gdopt.candidates.portfolio import portfolio
from gdopt.candidates.steps import (
    PARENTS,
    Pool,
    carried,
    centre_of,
    elite_of,
    elite_weights,
    joined,
    noise_levels,
    parents,
    pool_size,
    pooled,
    scale_after,
)
from gdopt.codecs.base import Codec
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import SQRT_3
from gdopt.codecs.table import TableCodec
from gdopt.diffusion.closed_form import BoxDenoiser
from gdopt.diffusion.denoiser import Denoiser, InpaintingDenoiser, projected, translated_and_scaled
from gdopt.diffusion.guidance import acquisition, combined, improvement, weighted
from gdopt.diffusion.network import PreconditionedNet
from gdopt.diffusion.sampler import sample, sdedit
from gdopt.diffusion.training import fit, replay_mixture, with_weights
from gdopt.errors import SettingsError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.randomness import stream
from gdopt.space.parameters import Params, design_key
from gdopt.space.space import Space
from gdopt.surrogates import gp, mixed
from gdopt.surrogates.base import Surrogate, SurrogateFactory, log_expected_improvement
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import OutcomeTransform, power
from gdopt.trials.ranking import rank, with_all_objectives
from gdopt.trials.state import State

__all__ = ["Guide", "GuidedDiffusion", "to_improvement"]

# Designs of the prior that the surrogate is asked about: enough for the best to be good, few enough to be quick.
LOOKED_AT = 5000
# Rows of a table of candidates, of which none but these can be proposed: as many as a second allows.
ROWS_LOOKED_AT = 100_000
# The best of them are those of the highest mean + OPTIMISM deviations: by the mean alone what was missed stays missed.
OPTIMISM = 1.0
# For each discrete parameter that there is, all of them are guided so much more strongly. Numbers move together and
# often; a level is drawn once, and one of many hardly changes the expected improvement, which then leaves it to chance.
SHARPER = 0.5
# Of the pool, the share that the mass lift asks about.
TOP = 0.1
# With a function that says what is allowed, first designs are looked for among so many times as many.
STARTS = 16
# AdamW's rate when the network is trained on: a third of pretraining's.
TUNING_RATE = 3e-4
# A denoiser, the surrogate and the best warped value, to the denoiser tilted towards better values.
Guide = Callable[[Denoiser, Surrogate, float], Denoiser]


def to_improvement(denoiser: Denoiser, surrogate: Surrogate, best: float) -> Denoiser:
    """The denoiser tilted to improvement on the best, by the surrogate at the look-ahead."""
    return improvement(denoiser, surrogate.predict, best)


@dataclass(frozen=True, kw_only=True)
class GuidedDiffusion:
    """Proposals from a diffusion model that is fine-tuned and guided round by round (Guo et al. 2024, Algorithm 2).

    The first designs come from the corpus, or from a Sobol sequence over the box. From then on an `ask` is four
    steps: *learn* (fit the surrogate to the best results; move, contract and refit the prior's law about the best
    designs), *guide* (tilt that law to improvement, by the surrogate's gradient at the look-ahead), *sample* a pool
    of candidates, *select* a batch from it.

    Args:
        prior: a diffusion model of unlabelled designs; without one, the uniform law on the box.
        start: designs to have results of before learning, failed ones among them; by default twice the dimension,
            between 4 and 10, and no more than half of the designs of a small space.
        candidates: in the pool, at least; four for each design asked for, if that is more.
        refit: share of the pool whose steps are the elite's own differences.
        guide: share that is drawn by guided sampling of the law moved to the elite; none by default, as it costs a
            third of the time and pays nothing that ten seeds show (docs/benchmarks.md).
        renoise: share that is the best designs, noised and denoised again under guidance.
        broad: share that is designs of the prior from anywhere, the corpus' own or draws of the box: those of the
            highest upper bound by the surrogate. What is left of the pool are the prior's steps, contracted. All are
            shares at first: `gdopt.candidates.portfolio` says what becomes of them.
        strength: of the guidance; 1 is calibrated to the surrogate's own uncertainty; of many choices it is sharper.
        momentum: how far half of the pool is carried on along the centre's last move, in units of that move.
        climb: how far half of the pool is moved along the gradients told of the elite, in units of the contraction;
            the surrogate's own gradient enters by guidance and selection.
        slopes: how far from the best designs the surrogate trusts the gradients told of them, in units of the
            contraction.
        elites: how many of the best make the centre.
        family: how many of the best give the refitted shape.
        keep: how many of the best designs the surrogate is fitted to.
        temper: factor on the surrogate's spread in Thompson sampling.
        finetune: optimizer steps of the network in every `ask`, on corpus and told designs half and half.
        warp: of the values, before the surrogate sees them.
        surrogate: what is fitted to the best results; by default a Gaussian process, with a covariance of categories
            where there are choices. `gdopt.adapters.botorch.surrogate` makes one of any model.
        guidance: what tilts the law, given the surrogate and the best warped value; improvement on it by default.
        selection: of a batch from the pool; qLogNEI for few designs and Thompson sampling for many by default.
        allowed: whether a design may be proposed, such as one whose mesh can be made; all may by default. No trial is
            one that it refuses; what it refused is learned from, so that it is asked about few
            (`gdopt.acquisition.design_filter`). It has to say the same of the same design.
        checks: designs that `allowed` is asked about in one `ask`, at most.

    Raises:
        SettingsError: a setting is out of its range.
    """

    prior: DiffusionPrior | None = None
    start: int | None = None
    candidates: int = 1000
    refit: float = 0.25
    guide: float = 0.0
    renoise: float = 0.4
    broad: float = 0.1
    strength: float = 1.0
    momentum: float = 1.0
    climb: float = 3.0
    slopes: float = 0.5
    elites: int = 12
    family: int = 80
    keep: int = 200
    temper: float = 0.5
    finetune: int = 0
    warp: OutcomeTransform = power
    surrogate: SurrogateFactory | None = None
    guidance: Guide = to_improvement
    selection: BatchSelector = select_batch
    allowed: DesignFilter | None = None
    checks: int = 1000

    # More than one objective is taken, and limits are modelled.
    several: ClassVar[bool] = True
    limited: ClassVar[bool] = True

    def __post_init__(self) -> None:
        wholes = {"candidates": 2, "elites": 2, "family": 2, "keep": 2, "checks": 1, "finetune": 0}
        if self.start is not None:
            wholes["start"] = 2
        for name, least in wholes.items():
            assign(self, **{name: at_least(least, name, getattr(self, name), whole)})
        for name in ("strength", "momentum", "climb", "slopes", "temper"):
            assign(self, **{name: at_least(0, name, getattr(self, name), number)})
        required = {"warp": self.warp, "guidance": self.guidance, "selection": self.selection}
        for name, function in required.items():
            _require(function is not None, name, function, "a function")
        check_calls(**required, surrogate=self.surrogate, allowed=self.allowed)
        of_designs = self.prior is None or isinstance(self.prior, DiffusionPrior)
        _require(of_designs, "prior", self.prior, "a DiffusionPrior")
        network = self.prior is None or isinstance(self.prior.denoiser, PreconditionedNet)
        _require(network or not self.finetune, "finetune", self.finetune, "0, as the prior has no network to train on")
        given = (self.refit, self.guide, self.renoise, self.broad)
        shares = [share for share in map(number, given) if share is not None and share >= 0]
        fits = len(shares) == len(given) and sum(shares) <= 1
        _require(fits, "refit, guide, renoise, broad", given, "shares, together <= 1")
        assign(self, **dict(zip(("refit", "guide", "renoise", "broad"), shares, strict=True)))

    def init(self, space: Space, seed: int) -> State:
        """The state before anything was asked."""
        check_space(space, self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, proposed from what has been told so far; with fewer, if fewer are left.

        Raises:
            ExhaustedError: all designs were tried.
            SettingsError: fewer than n designs that are `allowed` were found by so many `checks`, or it said neither
                True nor False of one. What it raises is passed on, with a note that says of which design.
        """
        codec = codec_of(state.space, self.prior, state.fixed)
        check_not_exhausted(state, codec)
        whole, _ = with_all_objectives(state.goals, ranked_trials(state))
        if not is_initialized(state, len(whole), self.start or default_n_initial(codec_of(state.space, self.prior))):
            return self._first(state, codec, n)
        generator = stream(state)
        z, _ = training_data(state, codec)
        state, denoiser = self._fine_tune(state, codec, z, generator)
        law = self._law(state, codec, denoiser, z, generator)
        surrogate = fit_surrogate(state, codec, self.keep, self.warp, self.surrogate or _fit_of(codec))
        surrogate = with_gradients(surrogate, state, codec, self.slopes * law.scale, generator)
        shares = portfolio(self._first_shares(), rank(state.goals, state.done))
        pool = self._pool(codec, law, surrogate, shares, pool_size(self.candidates, n), generator)
        rows, params = distinct_new(pool.z, state, codec)
        pool = Pool(codec.encode(params), pool.source[rows], pool.sources)
        if len(params) < n:
            pool, params = _topped_up(pool, params, state, self.prior, codec, n)
        waiting = pending_points(state, codec)
        gate = FilteredBatch(self.allowed, self.checks, state, n)

        def pick(left: list[int], count: int) -> list[int]:
            usable = likely_to_succeed(gate.state, codec, pool.z[left], count, gate.passed)
            rows = [left[i] for i in usable]
            beside = torch.cat([waiting, codec.encode(gate.passed)])
            return [rows[i] for i in self.selection(surrogate, pool.z[rows], count, beside, self.temper, generator)]

        picks = gate.passing(params, pick)
        sources = [pool.sources[i] for i in pool.source[picks].tolist()]
        sources += [START] * self._fill(gate, codec)
        if not gate.passed:
            raise exhausted(gate.state)
        z = codec.encode(gate.passed)
        return append(
            gate.state,
            gate.passed,
            sources,
            surrogate.mean(z).tolist(),
            {"scale": law.scale, "mass_lift": _mass_lift(surrogate, pool.z, law.seen(law.draws))},
            probability_feasible(surrogate, z),
        )

    def _first(self, state: State, codec: Codec, n: int) -> State:
        """The state with n pending trials of the start.

        Those that are asked about are drawn in proportion to how likely they are to be allowed, so that their law is as
        wide as that of the allowed ones is believed to be.
        """
        if self.allowed is None:
            return with_initial_trials(state, initial_designs(state, self.prior, n))
        gate, generator = FilteredBatch(self.allowed, self.checks, state, n), stream(state)
        # Not all at once, as under constraints a thousand take seconds.
        for size in (STARTS * n, max(STARTS * n, self.checks)):
            if gate.missing:
                found = initial_designs(state, self.prior, size)
                unknown = gate.unasked([found[row] for row in new_rows(found, state)])
                gate.passing(unknown, _by_chance(gate, codec, unknown, generator))
        self._fill(gate, codec)
        return with_initial_trials(gate.state, gate.passed)

    def _fill(self, gate: FilteredBatch, codec: Codec) -> int:
        """Let as many designs of the start pass as are missing, or all that are left: how many.

        Raises:
            SettingsError: there are too few that are allowed.
        """
        before = len(gate.passed)
        if gate.missing:
            more = fallback_designs(gate.state, self.prior, gate.passed, gate.missing)
            gate.passing(more, lambda rows, count: rows[:count])
        if gate.missing and self.allowed is not None:
            known = {design_key(one) for one in [*gate.state.known, *gate.passed]}
            if untried_designs(codec, known, 1) != []:
                raise gate.short()
        return len(gate.passed) - before

    def _fine_tune(
        self, state: State, codec: Codec, z: Float[Tensor, "n d"], generator: torch.Generator
    ) -> tuple[State, Denoiser]:
        """The prior's denoiser; its network trained on, with replay, if `finetune` says so (Algorithm 2, step 3)."""
        if isinstance(codec, TableCodec):
            return state, codec.law(elite_of(z, PARENTS), generator)
        if self.prior is None:
            edge = torch.full((z.shape[1],), SQRT_3, dtype=torch.float64)
            return state, BoxDenoiser(-edge, edge)
        net = self.prior.denoiser
        if not self.finetune:
            return state, net
        assert isinstance(net, PreconditionedNet)
        net = with_weights(net, state.tensors)
        family = z[: self.family]
        rows, weights = replay_mixture(
            self.prior.z, family, elite_weights(len(family)), corpus_weights=self.prior.weights
        )
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

    def _law(
        self,
        state: State,
        codec: Codec,
        denoiser: Denoiser,
        z: Float[Tensor, "n d"],
        generator: torch.Generator,
    ) -> "LocalDensity":
        """The denoiser's law, with the centre it is moved to, the scale it is contracted by, and where it drifts."""
        mean = torch.zeros(z.shape[1], dtype=torch.float64) if self.prior is None else self.prior.mean
        if isinstance(codec, BoxCodec) and self.prior is None:
            draws = box_points(codec, CONSTRAINED_DRAWS if codec.space.constraints else DRAWS, generator)
        elif isinstance(codec, TableCodec):
            draws = codec.some(DRAWS, generator)
        else:
            draws = sample(denoiser, DRAWS, mean, 1.0, generator)
        z = codec.filled(z, generator)
        scale = scale_after(*values_by_round(state, lambda t: t.predicted is not None))
        centre = centre_of(elite_of(z, self.elites))
        before = elite_of(training_data(before_last_round(state), codec)[0], self.elites)
        drift = self.momentum * (centre - centre_of(before)) if len(before) else torch.zeros_like(centre)
        # Where gaps were filled, the centre may have moved by that alone.
        drift = torch.where(codec.always, drift, 0.0)
        drift = drift + self.climb * scale * gradient_direction(state, codec, len(elite_of(z, self.elites)))
        if state.goals.several:
            drift = torch.zeros_like(centre)
        return LocalDensity(
            denoiser,
            mean,
            draws,
            centre,
            scale,
            drift,
            z[: self.family],
            state.goals.several,
            categorical_product(codec, z, scale, self.prior),
            codec.neutral,
        )

    def _first_shares(self) -> dict[str, float]:
        """The sources and their shares of the pool before any was tried."""
        shares = {"refitted": self.refit, "guided": self.guide, "renoised": self.renoise, "broad": self.broad}
        shares["contracted"] = max(0.0, 1 - sum(shares.values()))
        return {name: share for name, share in shares.items() if share > 0}

    def _pool(
        self,
        codec: Codec,
        law: "LocalDensity",
        surrogate: Surrogate,
        shares: Mapping[str, float],
        size: int,
        generator: torch.Generator,
    ) -> Pool:
        """Candidates of every source, in its share."""
        draw: dict[str, Callable[[int], Tensor]] = {
            "contracted": lambda n: law.contracted(n, generator),
            "refitted": lambda n: law.refitted(n, generator),
            "guided": lambda n: self._guided(law, surrogate, n, generator),
            "renoised": lambda n: self._renoised(law, surrogate, n, generator),
            "broad": lambda n: self._broad(codec, law, surrogate, n, generator),
        }
        counts = {name: round(share * size) for name, share in shares.items()}
        pool = pooled([(name, draw[name](n)) for name, n in counts.items() if n])
        if not isinstance(surrogate, MultiOutputSurrogate) or surrogate.several or not surrogate.limits:
            return pool
        # Without limits, maxima are no better than draws (docs/development.md).
        return joined(pool, "peaks", ascend(codec, pool.z, lambda z: surrogate.log_gain(law.seen(z))))

    def _guided(
        self, law: "LocalDensity", surrogate: Surrogate, n: int, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """Draws of the moved and contracted denoiser, guided."""
        local = translated_and_scaled(law.denoiser, law.mean, law.centre, law.scale)
        local = self._tilted(projected(local, law.seen), surrogate, n, generator)
        z = sample(local, n, law.centre, law.scale, generator)
        return law.levels.drawn(carried(z, law.drift, generator), generator)

    def _renoised(
        self, law: "LocalDensity", surrogate: Surrogate, n: int, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """The best designs, noised and denoised again, guided; before that, what is discrete hidden and refilled."""
        best = parents(law.family, n, generator)
        start = torch.where(law.levels.held, best, carried(best, law.drift, generator))
        noise = noise_levels(law.scale, n, generator)
        start = law.levels.refilled(start, noise, self._leaning(law, surrogate, n, generator), generator)
        if law.levels.held.all():
            return start
        denoiser = InpaintingDenoiser(law.denoiser, start, law.levels.held) if law.levels.held.any() else law.denoiser
        denoiser = self._tilted(projected(denoiser, law.seen), surrogate, n, generator)
        return sdedit(denoiser, start, noise, generator)

    def _leaning(self, law: "LocalDensity", surrogate: Surrogate, n: int, generator: torch.Generator) -> Tilt:
        """log E[improvement; all limits hold] of levels that are tried in n rows, at the strength for levels.

        Not of the chance to improve, as guidance of numbers is: so sharply, levels would be as good as each other once
        they are all but certain to improve on the best.
        """
        strength = self.strength * max(1.0, SHARPER * len(law.levels.blocks))
        along = surrogate.along(n, generator) if isinstance(surrogate, MultiOutputSurrogate) else None
        best = torch.full((n,), float(surrogate.y.amax())) if along is None else along.incumbent

        def leaning(z: Float[Tensor, "m d"], rows: Int[Tensor, " m"]) -> Float[Tensor, " m"]:
            with torch.no_grad():
                z = law.seen(z)
                mean, variance = (surrogate if along is None else along.rows(rows)).predict(z)
                gain = log_expected_improvement(mean, variance, best[rows])
                if isinstance(surrogate, MultiOutputSurrogate):
                    gain = gain + surrogate.log_feasible(z)
            leant: Tensor = strength * gain
            return leant

        return leaning

    def _tilted(self, denoiser: Denoiser, surrogate: Surrogate, n: int, generator: torch.Generator) -> Denoiser:
        """The denoiser of n rows under guidance, at its strength: towards better values, and to where limits hold."""
        if not self.strength:
            return denoiser
        if not isinstance(surrogate, MultiOutputSurrogate):
            towards = self.guidance(denoiser, surrogate, float(surrogate.y.amax()))
        elif surrogate.several:
            along = surrogate.along(n, generator)
            towards = improvement(denoiser, along.predict, along.incumbent)
        else:
            towards = self.guidance(denoiser, surrogate, surrogate.incumbent)
        if isinstance(surrogate, MultiOutputSurrogate) and surrogate.limits:
            feasible = acquisition(denoiser, lambda x: surrogate.log_feasible(x.squeeze(1)))
            towards = combined(denoiser, towards, feasible)
        return weighted(denoiser, towards, lambda sigma: torch.full_like(sigma, self.strength))

    def _broad(
        self, codec: Codec, law: "LocalDensity", surrogate: Surrogate, n: int, generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """Designs of the prior that the surrogate gives the highest upper bounds."""
        count = max(LOOKED_AT, n)
        if isinstance(codec, TableCodec):
            z = codec.some(max(ROWS_LOOKED_AT, n), generator)
        elif self.prior is None:
            z = law.levels.anywhere(uniform_points(surrogate.z.shape[1], count, generator), generator)
        else:
            z = codec.filled(self.prior.z[self.prior.order(generator)[:count]], generator)
        return z[upper_confidence_bound(surrogate, law.seen(z), OPTIMISM).argsort(descending=True)[:n]]


def _fit_of(codec: Codec) -> SurrogateFactory:
    """The Gaussian process of the codec's coordinates."""
    found = codec.categories
    if not found:
        return gp.fit
    one, other = found[0].points[:2]
    return partial(mixed.fit, [block.columns for block in found], float((one - other).square().sum()))


def _topped_up(
    pool: Pool, params: list[Params], state: State, prior: DiffusionPrior | None, codec: Codec, n: int
) -> tuple[Pool, list[Params]]:
    """The candidates and designs of the start: as many as are missing, and others for the surrogate to choose from."""
    more = fallback_designs(state, prior, params, n - len(params))
    return joined(pool, START, codec.encode(more)), params + more


def _by_chance(gate: FilteredBatch, codec: Codec, designs: list[Params], generator: torch.Generator) -> Pick:
    """Picks designs in proportion to how likely they are to be allowed; in order, as long as nothing is known of it."""
    z = codec.encode(designs)

    def pick(left: list[int], count: int) -> list[int]:
        chance = success_probability(gate.state, codec, z[left], gate.passed)
        if bool((chance == 1).all()):
            return left[:count]
        return [left[i] for i in torch.multinomial(chance, count, generator=generator).tolist()]

    return pick


def _mass_lift(surrogate: Surrogate, pool: Float[Tensor, "m d"], draws: Float[Tensor, "k d"]) -> float:
    """How many times likelier than the prior's draws candidates are to be in their best tenth, by the surrogate.

    An estimate of the mass lift, which governs the regret of guided sampling (Yang et al. 2026, arXiv 2605.10385).
    """
    level = surrogate.mean(draws).quantile(1 - TOP)
    return float((surrogate.mean(pool) > level).double().mean()) / TOP


def _require(holds: bool, name: str, given: object, expected: str) -> None:
    if not holds:
        raise SettingsError(f"{name} = {shown(given)}: expected {expected}")
