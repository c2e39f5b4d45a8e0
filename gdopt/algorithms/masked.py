"""Masked diffusion: learn from what was told, then hide pieces of good strings and draw them again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar

import torch

from gdopt.acquisition.batch import BatchSelector, SelectionInput, select_batch
from gdopt.acquisition.data import TrainingData, ranked_trials
from gdopt.acquisition.feasibility import likely_to_succeed
from gdopt.acquisition.string_features import Features, StringEncoder, encoder_and_surrogate, of_one_length
from gdopt.acquisition.surrogate import fit_surrogate, probability_feasible
from gdopt.acquisition.token_value import by_features, by_letters
from gdopt.algorithms.settings import checked_shares, require
from gdopt.algorithms.string_sources import StringSources
from gdopt.arguments import assign, at_least, check_calls, number, whole
from gdopt.candidates.initial import START, is_initialized
from gdopt.candidates.portfolio import portfolio
from gdopt.candidates.steps import elite_weights, pool_size
from gdopt.diffusion.masked import Tilted, TokenDenoiser, Value
from gdopt.diffusion.token_network import TokenNet, fit
from gdopt.diffusion.training import with_weights
from gdopt.errors import SettingsError, SpaceError
from gdopt.priors.masked import MaskedPrior
from gdopt.randomness import stream
from gdopt.renamed import renamed
from gdopt.space import strings
from gdopt.space.enumeration import all_designs, first_designs
from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.surrogates.base import SurrogateFactory
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import OutcomeTransform, power
from gdopt.surrogates.sequences import Lettered
from gdopt.trials.proposals import append, exhausted
from gdopt.trials.ranking import rank
from gdopt.trials.state import State

__all__ = ["MaskedDiffusion", "MaskedTuning"]

# Shares of the pool at first, by what the strings are. To find out what may be spared takes as long as all the rest; of
# molecules nothing was gained by it. Children of graphs are what the surrogate takes of molecules, eight times of ten.
MOLECULES = {
    "share_bred": 0.7,
    "share_crossover": 0.05,
    "share_unimportant": 0.0,
    "share_random": 0.05,
    "share_drawn": 0.0,
    "share_broad": 0.05,
}
ONE_LENGTH = {
    "share_bred": 0.0,
    "share_crossover": 0.25,
    "share_unimportant": 0.25,
    "share_random": 0.1,
    "share_drawn": 0.05,
    "share_broad": 0.1,
}
SEQUENCES = {**ONE_LENGTH, "share_unimportant": 0.0}
# The name of each of these sources in `Trial.source`.
SOURCES = {
    "share_bred": "bred",
    "share_crossover": "crossed",
    "share_unimportant": "spared",
    "share_random": "scattered",
    "share_drawn": "drawn",
    "share_broad": "corpus",
}
# AdamW's rate when the network is trained on: a seventh of pretraining's.
TUNING_RATE = 3e-4
# Strings of the corpus, beside those that were told, that the network is trained on.
REPLAYED = 1000
# Of the best that were told, so many are trained on, each written in so many ways.
FAMILY, WRITINGS = 80, 4


@dataclass(frozen=True, kw_only=True)
class MaskedTuning:
    """The fine settings of `MaskedDiffusion`.

    All shares are of the pool of the first learned round; `gdopt.candidates.portfolio` adapts them later. The rest of
    the pool are good strings with one window masked. The default shares differ by the kind of string: `MOLECULES`,
    `ONE_LENGTH`, `SEQUENCES`.

    Args:
        generations: of the pool: later ones start from the best candidates of those before.
        share_bred: children of the molecular graphs of two parents, nothing masked: molecules only
            (`gdopt.molecules.graph_operators`). Later generations mask parts of the children.
        share_crossover: pieces of two parents with the tokens between the pieces masked.
        share_unimportant: parents with those tokens masked whose change costs little, by the surrogate.
        share_random: parents with single random tokens masked.
        share_drawn: strings drawn without a parent.
        share_broad: strings of the corpus with the highest upper confidence bound.
        mask_fraction: masked share of a string, about.
        max_expected_loss: of the surrogate's mean by masking unimportant tokens, in standard deviations of the results.
        n_elite: number of parents, at most.
        max_training_points: number of best strings that the surrogate is fitted to.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
        features: inputs of the surrogate: by default counts of fragments of molecules, one-hot letters of sequences of
            one length, gapped pairs of letters of other sequences.
        outcome_transform: of the values, before the surrogate is fitted.

    Raises:
        SettingsError: a setting is out of its range.

    Example:
        >>> MaskedTuning(generations=2).generations
        2
    """

    generations: int = 3
    share_bred: float | None = None
    share_crossover: float | None = None
    share_unimportant: float | None = None
    share_random: float | None = None
    share_drawn: float | None = None
    share_broad: float | None = None
    mask_fraction: float = 0.2
    max_expected_loss: float = 0.5
    n_elite: int = 60
    max_training_points: int = 1000
    thompson_scale: float = 0.5
    features: Features | None = None
    outcome_transform: OutcomeTransform = power

    def __post_init__(self) -> None:
        for name, least in {"n_elite": 2, "max_training_points": 2, "generations": 1}.items():
            assign(self, **{name: at_least(least, name, getattr(self, name), whole)})
        for name in ("thompson_scale", "max_expected_loss", "mask_fraction"):
            assign(self, **{name: at_least(0, name, getattr(self, name), number)})
        require(callable(self.outcome_transform), "outcome_transform", self.outcome_transform, "a function")
        check_calls(features=self.features)
        require(0 < self.mask_fraction <= 1, "mask_fraction", self.mask_fraction, "a share above 0, at most 1")


# Settings of version 0.1, by their names of today.
OLD_SETTINGS = {
    "start": "n_initial",
    "guide": "guidance_scale",
    "allowed": "design_filter",
    "generations": "tuning=MaskedTuning(generations=...)",
    "bred": "tuning=MaskedTuning(share_bred=...)",
    "crossed": "tuning=MaskedTuning(share_crossover=...)",
    "spared": "tuning=MaskedTuning(share_unimportant=...)",
    "scattered": "tuning=MaskedTuning(share_random=...)",
    "drawn": "tuning=MaskedTuning(share_drawn=...)",
    "broad": "tuning=MaskedTuning(share_broad=...)",
    "hidden": "tuning=MaskedTuning(mask_fraction=...)",
    "loss": "tuning=MaskedTuning(max_expected_loss=...)",
    "elites": "tuning=MaskedTuning(n_elite=...)",
    "keep": "tuning=MaskedTuning(max_training_points=...)",
    "temper": "tuning=MaskedTuning(thompson_scale=...)",
    "warp": "tuning=MaskedTuning(outcome_transform=...)",
    "features": "tuning=MaskedTuning(features=...)",
}


@renamed(arguments=OLD_SETTINGS)
@dataclass(frozen=True, kw_only=True)
class MaskedDiffusion:
    """Strings from a masked diffusion model: pieces of the best are masked and drawn again, in several generations.

    The first strings come from the corpus. From then on an `ask` is four steps: *learn* (fit the surrogate to the
    results; train the network on, if `finetune` is above 0), *mask* pieces of parents, *draw* them again by the
    denoiser,
    *select*. The parents of the first generation are the best results; the parents of later ones are the best of the
    pool so far by Thompson sampling.

    Args:
        prior: a masked diffusion model of unlabelled strings.
        n_initial: results before the first learned proposal.
        candidates: size of the pool, about; four for each proposal, if that is more.
        guidance_scale: strength of the guidance of tokens: their distribution is that of the denoiser times
            exp(guidance_scale · mean), to first order at the predicted design (`gdopt.diffusion.masked.Tilted`).
        finetune: optimizer steps of the network in every `ask`, on the corpus and the best strings half and half.
        surrogate: fits a model to the features: by default a Gaussian process of their Tanimoto similarity, of
            sequences of one length `gdopt.surrogates.sequences`.
        selection: of a batch from the pool; by default qLogNEI for few strings and Thompson sampling for many.
        design_filter: whether a string may be proposed, such as a molecule that can be made; by default all.
        tuning: the fine settings.

    Raises:
        SettingsError: a setting is out of its range.

    Example:
        >>> import gdopt
        >>> space = gdopt.SequenceSpace("ACGT", 4, corpus=["ACGT", "AAAA", "CCGT"])
        >>> prior = gdopt.MaskedPrior.fit(space, steps=1)
        >>> study = gdopt.Study(space, direction="maximize", algorithm=gdopt.MaskedDiffusion(prior=prior))
        >>> len(study.ask(2))
        2
    """

    prior: MaskedPrior
    n_initial: int = 10
    candidates: int = 1200
    guidance_scale: float = 0.0
    finetune: int = 0
    surrogate: SurrogateFactory | None = None
    selection: BatchSelector = select_batch
    design_filter: Callable[[str], bool] | None = None
    tuning: MaskedTuning = field(default_factory=MaskedTuning)

    # Outcome constraints are modelled.
    limited: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, least in {"n_initial": 2, "candidates": 2, "finetune": 0}.items():
            assign(self, **{name: at_least(least, name, getattr(self, name), whole)})
        assign(self, guidance_scale=at_least(0, "guidance_scale", self.guidance_scale, number))
        require(callable(self.selection), "selection", self.selection, "a function")
        check_calls(surrogate=self.surrogate, design_filter=self.design_filter)
        require(isinstance(self.prior, MaskedPrior), "prior", self.prior, "a MaskedPrior")
        require(isinstance(self.tuning, MaskedTuning), "tuning", self.tuning, "a MaskedTuning")
        shares = checked_shares(self._shares())
        given: dict[str, Any] = {name: one for name, one in shares.items() if getattr(self.tuning, name) is not None}
        assign(self, tuning=replace(self.tuning, **given))
        of_molecules = isinstance(self.prior.space.parameters[0], strings.Molecule)
        bred = self.tuning.share_bred
        require(of_molecules or not bred, "share_bred", bred, "0: only molecules are graphs")

    def init(self, space: Space, seed: int) -> State:
        """The state before anything was asked.

        Raises:
            SpaceError: the prior is of another space.
        """
        if self.prior.space != space:
            raise SpaceError("the prior is of another space: give the study prior.space, or the space it was fitted to")
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, proposed from what has been told so far; with fewer, if fewer are left.

        Raises:
            ExhaustedError: all sequences of the space were tried.
            SettingsError: so few molecules are left that the prior has not that many more.
        """
        if not is_initialized(state, len(ranked_trials(state)), self.n_initial):
            some = self._unused(state, n)
            return append(state, [self._params(one) for one in some], [START] * len(some), [None] * len(some), {})
        generator = stream(state.seed, len(state.notes))
        view, fitted = encoder_and_surrogate(self.prior.space, self.tuning.features, self.surrogate)
        state, net = self._fine_tune(state, generator)
        data = TrainingData(state, view)
        surrogate = fit_surrogate(data, self.tuning.max_training_points, self.tuning.outcome_transform, fitted)
        law = (
            Tilted(net, self._value(state, net, surrogate, view, generator), self.guidance_scale)
            if self.guidance_scale
            else net
        )
        pool = self._pool(state, law, surrogate, view, pool_size(self.candidates, n), generator)
        missing, corpus = n - len(pool), set(self.prior.corpus)
        if missing > 0:
            pool |= {one: "corpus" if one in corpus else "drawn" for one in self._unused(state, missing, pool)}
        if not pool:
            raise exhausted(state)
        found = list(pool)
        z = view.features(found)
        usable = likely_to_succeed(state, view, z, n)
        count, scale = min(n, len(usable)), self.tuning.thompson_scale
        chosen = self.selection(SelectionInput(surrogate, z[usable], count, data.pending, scale, generator))
        picks = [usable[i] for i in chosen]
        return append(
            state,
            [self._params(found[i]) for i in picks],
            [pool[found[i]] for i in picks],
            surrogate.mean(z[picks]).tolist(),
            {"pool": float(len(pool))},
            probability_feasible(surrogate, z[picks]),
        )

    def _shares(self) -> dict[str, float]:
        """The sources that are set, and the share of each before any was tried."""
        usual = SEQUENCES
        if isinstance(self.prior.space.parameters[0], strings.Molecule):
            usual = MOLECULES
        elif of_one_length(self.prior.space):
            usual = ONE_LENGTH
        return {
            name: share if (given := getattr(self.tuning, name)) is None else given for name, share in usual.items()
        }

    @property
    def _name(self) -> str:
        return self.prior.space.names[0]

    def _params(self, one: str) -> Params:
        return {self._name: one}

    def _seen(self, state: State) -> set[str]:
        return {str(t.params[self._name]) for t in state.trials}

    def _unused(self, state: State, n: int, beside: Mapping[str, str] | None = None) -> list[str]:
        """n strings that were not asked for: of the corpus in an order that the seed fixes, of the prior, then any.

        They are all sequences that are left, if these are fewer.

        Raises:
            SettingsError: there are no more molecules, nearly.
        """
        known = self._seen(state) | set(beside or ())
        generator = torch.Generator().manual_seed(state.seed)
        order = torch.randperm(len(self.prior.corpus), generator=generator).tolist()
        # Looked at only as far as it is wanted: reading a molecule takes a while.
        found = list(islice((one for i in order if self._new(one := self.prior.corpus[i], known)), n))
        for attempt in range(ATTEMPTS):
            if len(found) == n:
                return found
            seed = state.seed + len(state.trials) * ATTEMPTS + attempt
            more = (one for one in self.prior.sample(max(n, LEAST_DRAWN), seed) if self._new(one, known | {*found}))
            found += list(dict.fromkeys(more))[: n - len(found)]
        known |= {*found}
        rest = first_designs(
            all_designs(self.prior.space, {}), n - len(found), lambda one: self._new(str(one[self._name]), known)
        )
        if rest is not None:
            return found + [str(one[self._name]) for one in rest]
        raise SettingsError(f"n = {n}: the prior has only {len(found)} more strings that are allowed and new")

    def _new(self, one: str, known: set[str]) -> bool:
        """Whether a string may be proposed."""
        fits = one not in known and (self.design_filter is None or self.design_filter(one))
        return fits and self.prior.space.allows(self._params(one))

    def _value(
        self,
        state: State,
        net: TokenNet,
        surrogate: MultiOutputSurrogate,
        view: StringEncoder,
        generator: torch.Generator,
    ) -> Value:
        """What the surrogate thinks of soft designs, as far as it can be told."""
        if of_one_length(self.prior.space) and self.tuning.features is None and self.surrogate is None:
            return by_letters(surrogate, Lettered(self.prior.tokens.length, len(self.prior.tokens.alphabet)))
        some = torch.randint(len(self.prior.corpus), (REPLAYED,), generator=generator).tolist()
        known = [str(t.params[self._name]) for t in ranked_trials(state)] + [self.prior.corpus[i] for i in some]
        rows = self.prior.tokens.write(known, generator)
        there = rows[:, 0] < len(self.prior.tokens.alphabet)
        return by_features(net, rows[there], surrogate.mean(view.features(known))[there])

    def _fine_tune(self, state: State, generator: torch.Generator) -> tuple[State, TokenNet]:
        """The prior's denoiser; its network trained on, with replay, if `finetune` says so (Algorithm 2, step 3)."""
        net, tokens = self.prior.denoiser, self.prior.tokens
        if not self.finetune:
            return state, net
        net = with_weights(net, state.tensors)
        best = [str(t.params[self._name]) for t in ranked_trials(state)][:FAMILY]
        old = torch.randint(len(self.prior.corpus), (REPLAYED,), generator=generator).tolist()
        rows = tokens.write([self.prior.corpus[i] for i in old] + best * WRITINGS, generator)
        shares = torch.cat(
            [torch.full((REPLAYED,), 1 / REPLAYED), elite_weights(len(best)).repeat(WRITINGS) / WRITINGS]
        )
        there = rows[:, 0] < len(tokens.alphabet)
        net, _ = fit(
            net,
            rows[there],
            generator,
            weights=shares[there],
            steps=self.finetune,
            learning_rate=TUNING_RATE,
            check_every=self.finetune,
        )
        return replace(state, tensors=net.state_dict()), net

    def _first_shares(self) -> dict[str, float]:
        """The sources with their shares of the first pool."""
        shares = {SOURCES[name]: share for name, share in self._shares().items()}
        shares["windowed"] = max(0.0, 1 - sum(shares.values()))
        return {name: share for name, share in shares.items() if share > 0}

    def _pool(
        self,
        state: State,
        net: TokenDenoiser,
        surrogate: MultiOutputSurrogate,
        encoder: StringEncoder,
        size: int,
        generator: torch.Generator,
    ) -> dict[str, str]:
        """New strings, each with its source."""
        tuning = self.tuning
        sources = StringSources(
            prior=self.prior,
            net=net,
            surrogate=surrogate,
            encoder=encoder,
            is_new=self._new,
            generator=generator,
            generations=tuning.generations,
            n_elite=tuning.n_elite,
            mask_fraction=tuning.mask_fraction,
            max_expected_loss=tuning.max_expected_loss,
            thompson_scale=tuning.thompson_scale,
        )
        shares = portfolio(self._first_shares(), rank(state.config, state.done))
        ranked = [str(t.params[self._name]) for t in ranked_trials(state)]
        return sources.pool(shares, size, ranked, self._seen(state))


# Draws of the prior for strings that are missing, and how often they are drawn.
LEAST_DRAWN, ATTEMPTS = 64, 20
