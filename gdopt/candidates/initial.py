"""Designs to measure before anything can be learned: of the corpus where there is one, else spread over the box."""

from collections.abc import Sequence, Set
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.base import Codec
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import as_params
from gdopt.codecs.table import TableCodec, has_table
from gdopt.codecs.whitening import FixedCodec
from gdopt.errors import SpaceError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.space.enumeration import first_designs
from gdopt.space.parameters import Params, Value, design_key
from gdopt.space.space import Space
from gdopt.trials.proposals import append, exhausted
from gdopt.trials.state import State
from gdopt.trials.trial import Status

__all__ = [
    "START",
    "check_not_exhausted",
    "check_space",
    "check_whitened",
    "codec_of",
    "default_n_initial",
    "distinct_new",
    "fallback_designs",
    "initial_designs",
    "is_initialized",
    "new_rows",
    "untried_designs",
    "with_initial_trials",
]

# What `Trial.source` says of them.
START = "start"


def codec_of(space: Space, prior: DiffusionPrior | None, fixed: Params | None = None) -> Codec:
    """The prior's own coordinates, or those of the table of candidates or the box, with some parameters fixed.

    Raises:
        SpaceError: a fixed value is not in the space, or leaves nothing to try.
    """
    if prior is None:
        return (TableCodec if has_table(space) else BoxCodec)(space, fixed or {})
    if isinstance(prior.codec, BoxCodec):
        return BoxCodec(space, fixed) if fixed else prior.codec
    return FixedCodec(prior.codec, fixed) if fixed else prior.codec


def check_space(space: Space, prior: DiffusionPrior | None) -> None:
    """Raise `SpaceError` unless a study of the space can use the prior, and its constraints leave something to try."""
    if prior is not None and prior.space != space:
        theirs, ours = len(prior.space.parameters), len(space.parameters)
        raise SpaceError(
            f"the prior is of another space ({theirs} parameters, the study has {ours}, or bounds differ): "
            "give the study prior.space, or fit the prior with space="
        )
    codec_of(space, prior)


def check_whitened(prior: DiffusionPrior | None) -> None:
    """Raise `SpaceError` if the prior has no principal directions to work in."""
    if prior is not None and not prior.whitened:
        raise SpaceError(
            "a prior has whitened principal directions only if all parameters are linear real numbers: use the "
            "baseline in the box, with whitened=False or by its name without -pca"
        )


def initial_designs(state: State, prior: DiffusionPrior | None, n: int) -> list[Params]:
    """n designs that were neither tried nor refused, each once; all that are left, if fewer.

    The seed and the weights fix their order.
    """
    codec = codec_of(state.space, prior, state.fixed)
    if (rows := codec.untried(state.known, n, torch.Generator().manual_seed(state.seed))) is not None:
        return rows
    seen = {design_key(one) for one in state.known}
    found: list[Params] = []
    skip, size = sum(t.source == START for t in state.trials), n
    for _ in range(PARTS):
        try:
            found += _unseen(_part(state, prior, codec, skip, size), seen)
        except SpaceError:
            # Points of the box are hardly ever allowed; whole numbers and levels can be gone through all the same.
            if not (some := untried_designs(codec, seen, n - len(found))) and not (some == [] and seen):
                raise
            return found + some
        if len(found) >= n:
            return found[:n]
        some = untried_designs(codec, seen, FEW)
        if some is not None and len(some) < FEW:
            order = torch.randperm(len(some), generator=torch.Generator().manual_seed(state.seed + len(seen)))
            return found + [some[i] for i in order[: n - len(found)].tolist()]
        skip, size = skip + size, min(4 * size, max(n, FEW))
    return found + (untried_designs(codec, seen, n - len(found)) or [])


def with_initial_trials(state: State, designs: Sequence[Params]) -> State:
    """The state with pending trials of the start."""
    return append(state, designs, [START] * len(designs), [None] * len(designs), {})


def untried_designs(codec: Codec, seen: Set[tuple[Value, ...]], n: int) -> list[Params] | None:
    """n designs that were not seen, or all that are left if they are fewer; None where
    `gdopt.space.enumeration.first_designs` says so."""
    return first_designs(codec.all_designs(), n, lambda one: design_key(one) not in seen)


def _unseen(designs: Sequence[Params], seen: set[tuple[Value, ...]]) -> list[Params]:
    """The designs that were not seen, each once; from now on they are."""
    found: list[Params] = []
    for one in designs:
        if (key := design_key(one)) not in seen:
            seen.add(key)
            found.append(one)
    return found


def _part(state: State, prior: DiffusionPrior | None, codec: Codec, skip: int, n: int) -> list[Params]:
    """n designs after the first `skip`: of the corpus in random order and then of the prior, or spread over the box."""
    if prior is None:
        return codec.initial(state.seed, skip, n)
    order = prior.order(torch.Generator().manual_seed(state.seed))
    designs = as_params(state.space, prior.designs[order[skip : skip + n]])
    if len(designs) < n:
        generator = torch.Generator().manual_seed(state.seed + skip)
        designs += prior.codec.decode(prior.sample_z(n - len(designs), generator))
    return [{**one, **state.fixed} for one in designs]


# Designs are looked at for new ones in so many parts, of n, 4 n, 16 n ... but of at most FEW or n.
PARTS = 8
# As soon as fewer designs than this are left in all, the missing ones are drawn from them.
FEW = 1000
# Results before the first learned proposal, unless the user says: two in each direction, within reason.
LEAST_START, MOST_START = 4, 10
# Designs looked at for each one that is missing: a surrogate chooses among them.
SEARCH = 20


def default_n_initial(codec: Codec) -> int:
    """How many results to wait for before learning: twice the dimension, between 4 and 10.

    In a small space they are at most half of its designs, so that the other half is learned for.
    """
    usual = min(max(2 * codec.dim, LEAST_START), MOST_START)
    designs = first_designs(codec.all_designs(), 2 * usual, lambda one: True)
    return usual if designs is None else max(2, min(usual, len(designs) // 2))


def is_initialized(state: State, values: int, results: int, since: int = -1) -> bool:
    """Whether there are results enough to learn from.

    A failed trial is a result as well; of values there have to be `LEAST_START`, or as many as results are wanted.

    Args:
        state: of the failed trials.
        values: designs of which a value is known.
        results: to wait for.
        since: the round from which failed trials count.
    """
    failed = {design_key(t.params) for t in state.trials if t.status is Status.FAILED and t.round >= since}
    return values >= min(results, LEAST_START) and values + len(failed) >= results


def check_not_exhausted(state: State, codec: Codec) -> None:
    """Raise `ExhaustedError` if all designs were asked for, added or refused."""
    if untried_designs(codec, {design_key(one) for one in state.known}, 1) == []:
        raise exhausted(state)


def distinct_new(z: Float[Tensor, "n d"], state: State, codec: Codec) -> tuple[list[int], list[Params]]:
    """The rows that are new, with what they decode to."""
    decoded = codec.decode_unseen(z, state.known)
    rows = new_rows(decoded, state)
    return rows, [decoded[row] for row in rows]


def new_rows(designs: Sequence[Params], state: State) -> list[int]:
    """Which of the designs the space allows and were neither asked for nor refused before, each once."""
    seen = {design_key(one) for one in state.known}
    rows: list[int] = []
    for row, one in enumerate(designs):
        key = design_key(one)
        if key not in seen and state.space.allows(one):
            seen.add(key)
            rows.append(row)
    return rows


def fallback_designs(state: State, prior: DiffusionPrior | None, params: list[Params], missing: int) -> list[Params]:
    """New designs of the start beside the given ones: as many as are missing, and more if there are."""
    return initial_designs(replace(state, refused=(*state.refused, *params)), prior, SEARCH * missing)
