"""What all baselines that learn have in common: the same first designs, and never a design twice."""

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
    """New designs, what the surrogate predicted of each if there is one, and what is worth noting of the round."""

    params: Sequence[Params]
    predicted: Sequence[float] = ()
    note: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Learner(ABC):
    """Designs of the start until there are results to learn from, then those of `propose`.

    Args:
        prior: a diffusion model of unlabelled designs; the first designs are of its corpus.
        whitened: whether to work in the prior's coordinates, the whitened principal directions of its corpus, instead
            of the box of the parameters.
        n_initial: results to wait for before learning, failed trials among them; by default twice the dimension,
            between 4 and 10, and no more than half of the designs of a small space.

    Raises:
        SettingsError: a setting is out of its range.
    """

    prior: DiffusionPrior | None = None
    whitened: bool = True
    n_initial: int | None = None

    # What its trials say they come from; the package that it needs, and the extra that installs it.
    source: ClassVar[str]
    # Whether it takes several objectives, and whether it models outcomes with limits: elsewhere what breaks one failed.
    several: ClassVar[bool] = False
    limited: ClassVar[bool] = False
    package: ClassVar[tuple[str, str] | None] = None
    # Whether it can choose among the rows of a table of candidates.
    tables: ClassVar[bool] = False
    # Whether parameters may count only at some levels of others.
    conditional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_initial is not None and self.n_initial < 2:
            raise SettingsError(f"start = {self.n_initial}: expected 2 or more")

    def init(self, space: Space, seed: int) -> State:
        """The state before anything was asked.

        Raises:
            SpaceError: the prior is of another space, or has no principal directions to be `whitened` in, or the space
                is a table of candidates or has conditional parameters and it takes none.
            MissingExtraError: a package that the baseline needs is not installed.
        """
        if self.package is not None and find_spec(self.package[0]) is None:
            name, extra = self.package
            raise MissingExtraError(f"{type(self).__name__} needs {name}: pip install 'gdopt[{extra}]'")
        if has_table(space) and not self.tables:
            raise SpaceError(f"{type(self).__name__} does not choose among the rows of a table")
        if space.conditional and not self.conditional:
            raise SpaceError(f"{type(self).__name__} takes no parameters that count only at some levels of others")
        check_space(space, self.prior)
        if self.whitened:
            check_whitened(self.prior)
        return State(space, seed)

    def ask(self, state: State, n: int) -> State:
        """The state with n new pending trials, proposed from what has been told so far; with fewer, if fewer are left.

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
        """The results that are learned from."""
        return state.done

    def since(self, state: State, codec: Codec) -> int:
        """The round from which on results count."""
        del state, codec
        return -1

    @abstractmethod
    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """New designs, n if there are as many: what is missing is filled with designs of the start."""
