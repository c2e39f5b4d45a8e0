"""The base class of model-based baselines: equal initial designs for all, and no design twice."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import ClassVar

import torch

from gdopt.candidates.initial import (
    START,
    check_not_exhausted,
    check_space,
    check_whitened,
    codec_of,
    default_n_initial,
    fallback_designs,
    initial_designs,
    is_initialized,
    with_initial_trials,
)
from gdopt.codecs.base import Codec
from gdopt.codecs.table import has_table
from gdopt.errors import MissingExtraError, SettingsError, SpaceError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.randomness import stream
from gdopt.space.parameters import Params
from gdopt.space.space import Space
from gdopt.trials.proposals import append
from gdopt.trials.ranking import infeasible_as_failed
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["Learner", "Proposal"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """New designs, the surrogate's predictions if there is one, and numbers that are recorded with the round."""

    params: Sequence[Params]
    predicted: Sequence[float] = ()
    note: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Learner(ABC):
    """Initial designs until there are enough results, then the designs of `propose`.

    Args:
        prior: a diffusion model of unlabelled designs; the initial designs come from its corpus.
        whitened: whether to work in the prior's coordinates, the whitened principal directions of its corpus, instead
            of the box of the parameters.
        n_initial: number of results before the first learned proposal, failed trials included; by default twice the
            dimension, between 4 and 10, and at most half of the designs of a small space.

    Raises:
        SettingsError: a setting is out of its range.
    """

    prior: DiffusionPrior | None = None
    whitened: bool = True
    n_initial: int | None = None

    # `Trial.source` of its proposals. `package`: the package that it needs, and the extra that installs it.
    source: ClassVar[str]
    # Whether it supports several objectives, and whether it models outcome constraints: otherwise trials that violate
    # a constraint are failed trials for it.
    several: ClassVar[bool] = False
    limited: ClassVar[bool] = False
    package: ClassVar[tuple[str, str] | None] = None
    # Whether it supports tables of candidates.
    tables: ClassVar[bool] = False
    # Whether it supports conditional parameters.
    conditional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_initial is not None and self.n_initial < 2:
            raise SettingsError(f"n_initial = {self.n_initial}: expected 2 or more")

    def init(self, space: Space, seed: int) -> State:
        """The state before the first `ask`.

        Raises:
            SpaceError: the prior is of another space or has no principal directions for `whitened`, or the baseline
                does not support the tables of candidates or the conditional parameters of the space.
            MissingExtraError: a package that the baseline needs is not installed.
        """
        if self.package is not None and find_spec(self.package[0]) is None:
            name, extra = self.package
            raise MissingExtraError(f"{type(self).__name__} needs {name}: pip install 'gdopt[{extra}]'")
        if has_table(space) and not self.tables:
            raise SpaceError(f"{type(self).__name__} does not choose among the rows of a table")
        if space.conditional and not self.conditional:
            raise SpaceError(f"{type(self).__name__} does not support conditional parameters (active_if)")
        check_space(space, self.prior)
        if self.whitened:
            check_whitened(self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, proposed from the results so far; fewer if fewer designs are left.

        Raises:
            ExhaustedError: all designs were tried.
        """
        prior = self.prior if self.whitened else None
        codec = codec_of(state.space, prior, state.fixed)
        check_not_exhausted(state, codec)
        seen = state if self.limited else infeasible_as_failed(state)
        results = self.n_initial or default_n_initial(codec_of(state.space, prior))
        if not is_initialized(state, len(self.known(seen, codec)), results, self.since(seen, codec)):
            return with_initial_trials(state, initial_designs(state, self.prior, n))
        proposal = self.propose(seen, codec, n, stream(state.seed, len(state.notes)))
        params = list(proposal.params[:n])
        more = (
            fallback_designs(state, self.prior, params, n - len(params))[: n - len(params)] if len(params) < n else []
        )
        predicted: list[float | None] = [*proposal.predicted[:n]] or [None] * len(params)
        sources = [self.source] * len(params) + [START] * len(more)
        return append(state, params + more, sources, [*predicted, *[None] * len(more)], proposal.note)

    def known(self, state: State, codec: Codec) -> Sequence[Trial]:
        """The training trials."""
        return state.done

    def since(self, state: State, codec: Codec) -> int:
        """The first round whose results count towards `n_initial`."""
        del state, codec
        return -1

    @abstractmethod
    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """New designs, n if possible; initial designs fill the batch otherwise."""
