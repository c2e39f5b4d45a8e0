"""Initial designs, from the corpus or spread over the space, and designs that were not tried."""

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

# `Trial.source` of initial designs.
START = "start"


def codec_of(space: Space, prior: DiffusionPrior | None, fixed: Params | None = None) -> Codec:
    """The codec of the prior, or of the table of candidates or the box, with some parameters fixed.

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
    """n different designs that were neither tried nor rejected; all remaining ones, if they are fewer.

    The seed and the weights of the corpus determine their order.
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
            # Points of the box are hardly ever feasible; discrete designs can still be listed.
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
    """The state with pending trials of initial designs."""
    return append(state, designs, [START] * len(designs), [None] * len(designs), {})


def untried_designs(codec: Codec, seen: Set[tuple[Value, ...]], n: int) -> list[Params] | None:
    """n designs that are not in `seen`, or all remaining ones; None if they cannot be listed (`first_designs`)."""
    return first_designs(codec.all_designs(), n, lambda one: design_key(one) not in seen)


def _unseen(designs: Sequence[Params], seen: set[tuple[Value, ...]]) -> list[Params]:
    """The designs that are not in `seen`, without repetition; they are added to `seen`."""
    found: list[Params] = []
    for one in designs:
        if (key := design_key(one)) not in seen:
            seen.add(key)
            found.append(one)
    return found


def _part(state: State, prior: DiffusionPrior | None, codec: Codec, skip: int, n: int) -> list[Params]:
    """n designs after the first `skip`: the corpus in random order, then draws; or designs spread over the space."""
    if prior is None:
        return codec.initial(state.seed, skip, n)
    order = prior.order(torch.Generator().manual_seed(state.seed))
    designs = as_params(state.space, prior.designs[order[skip : skip + n]])
    if len(designs) < n:
        generator = torch.Generator().manual_seed(state.seed + skip)
        designs += prior.codec.decode(prior.sample_z(n - len(designs), generator))
    return [{**one, **state.fixed} for one in designs]


# New designs are searched in up to PARTS parts, of n, 4 n, 16 n ... but of at most FEW or n designs.
PARTS = 8
# Once fewer designs than FEW are left, the missing ones are drawn from these.
FEW = 1000
# Bounds of the default number of results before the first learned proposal: two for each column of z.
LEAST_START, MOST_START = 4, 10
# Designs for each missing one, among which the surrogate chooses.
SEARCH = 20


def default_n_initial(codec: Codec) -> int:
    """The number of results before the first learned proposal: twice the dimension, between 4 and 10.

    In a small space at most half of its designs, so that learning decides on the other half.
    """
    usual = min(max(2 * codec.dim, LEAST_START), MOST_START)
    designs = first_designs(codec.all_designs(), 2 * usual, lambda one: True)
    return usual if designs is None else max(2, min(usual, len(designs) // 2))


def is_initialized(state: State, values: int, results: int, since: int = -1) -> bool:
    """Whether there are enough results to learn from.

    Failed trials are results too, but `LEAST_START` values are needed, or `results` of them, if that is less.

    Args:
        state: with the failed trials.
        values: number of designs with a value.
        results: number of results that are needed.
        since: the first round whose failed trials are included.
    """
    failed = {design_key(t.params) for t in state.trials if t.status is Status.FAILED and t.round >= since}
    return values >= min(results, LEAST_START) and values + len(failed) >= results


def check_not_exhausted(state: State, codec: Codec) -> None:
    """Raise `ExhaustedError` if every design was proposed, added or rejected."""
    if untried_designs(codec, {design_key(one) for one in state.known}, 1) == []:
        raise exhausted(state)


def distinct_new(z: Float[Tensor, "n d"], state: State, codec: Codec) -> tuple[list[int], list[Params]]:
    """The rows of z whose designs are new, and these designs."""
    decoded = codec.decode_unseen(z, state.known)
    rows = new_rows(decoded, state)
    return rows, [decoded[row] for row in rows]


def new_rows(designs: Sequence[Params], state: State) -> list[int]:
    """The rows of feasible designs that were neither proposed nor rejected, without repetition."""
    seen = {design_key(one) for one in state.known}
    rows: list[int] = []
    for row, one in enumerate(designs):
        key = design_key(one)
        if key not in seen and state.space.allows(one):
            seen.add(key)
            rows.append(row)
    return rows


def fallback_designs(state: State, prior: DiffusionPrior | None, params: list[Params], missing: int) -> list[Params]:
    """New initial designs that are not in `params`: `SEARCH` for each missing one, if there are so many."""
    return initial_designs(replace(state, refused=(*state.refused, *params)), prior, SEARCH * missing)
