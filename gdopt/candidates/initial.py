"""Designs to measure before anything can be learned: of the corpus where there is one, else spread over the box."""

from collections.abc import Sequence, Set
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from gdopt.algorithms.base import append, exhausted
from gdopt.codecs.base import Codec
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import SQRT_3, as_params
from gdopt.codecs.table import TableCodec, has_table
from gdopt.codecs.whitening import FixedCodec
from gdopt.errors import SpaceError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.randomness import seed_from
from gdopt.space.enumeration import first_designs
from gdopt.space.parameters import Choice, Integer, Params, Real, Value, design_key
from gdopt.space.space import Space
from gdopt.trials.state import State
from gdopt.trials.trial import Status

__all__ = [
    "START",
    "box_points",
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
    "sobol_points",
    "uniform_points",
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
    if isinstance(codec, TableCodec):
        return codec.untried(state, n, torch.Generator().manual_seed(state.seed))
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
    return first_designs(codec.every(), n, lambda one: design_key(one) not in seen)


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
        assert isinstance(codec, BoxCodec)
        return _spread(codec, state.seed, skip, n)
    order = prior.order(torch.Generator().manual_seed(state.seed))
    designs = as_params(state.space, prior.designs[order[skip : skip + n]])
    if len(designs) < n:
        generator = torch.Generator().manual_seed(state.seed + skip)
        designs += prior.codec.decode(prior.sample_z(n - len(designs), generator))
    return [{**one, **state.fixed} for one in designs]


def sobol_points(dim: int, seed: int, skip: int, n: int) -> Float[Tensor, "n d"]:
    """n points of a scrambled Sobol sequence on [-√3, √3], after the first `skip`; random beyond its dimensions."""
    if dim > SobolEngine.MAXDIM:
        generator = torch.Generator().manual_seed(seed)
        unit = torch.rand(skip + n, dim, generator=generator, dtype=torch.float64)[skip:]
    else:
        engine = SobolEngine(dim, scramble=True, seed=seed)
        unit = engine.fast_forward(skip).draw(n, dtype=torch.float64)
    return SQRT_3 * (2 * unit - 1)


def uniform_points(dim: int, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of the uniform law on [-√3, √3]."""
    return SQRT_3 * (2 * torch.rand(n, dim, generator=generator, dtype=torch.float64) - 1)


def box_points(codec: BoxCodec, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of the uniform law on the box, or on what the constraints leave of it."""
    z = uniform_points(codec.dim, n, generator)
    return codec.filled(_constrained(codec, z, seed_from(generator)), generator) if codec.space.constraints else z


def _constrained(codec: BoxCodec, z: Float[Tensor, "n d"], seed: int) -> Float[Tensor, "n d"]:
    """Rows of z with their numbers drawn anew from what the constraints allow."""
    numbers = codec.allowed(len(z), seed)
    return codec.encode([{**one, **drawn} for one, drawn in zip(codec.decode(z), numbers, strict=True)])


def _spread(codec: BoxCodec, seed: int, skip: int, n: int) -> list[Params]:
    """The space's own points of the sequence, or with constraints draws of what they allow.

    Whole numbers can break a constraint when they are rounded, and such points are passed over. If all of the first
    ones are, it is looked whether any whole numbers are allowed at all.

    Raises:
        SpaceError: too few points of the box satisfy the constraints.
    """
    space = codec.space
    if not space.constraints and all(isinstance(p, Real | Integer | Choice) for p in space.parameters):
        return codec.decode(sobol_points(codec.dim, seed, skip, n))
    allowed: list[Params] = []
    wanted = skip + n
    for chunk in range(CHUNKS):
        z = sobol_points(codec.dim, seed, chunk * wanted, wanted)
        if space.constraints:
            z = _constrained(codec, z, seed + chunk)
        allowed += [p for p in codec.decode(z) if space.allows(p)]
        if len(allowed) >= wanted:
            return allowed[skip:wanted]
        if not allowed and chunk == 0 and codec.impossible:
            raise SpaceError(f"{_few(space, 0, wanted)}: no whole numbers do")
    raise SpaceError(_few(space, len(allowed), CHUNKS * wanted))


def _few(space: Space, allowed: int, points: int) -> str:
    named = "; ".join(map(str, space.constraints))
    return f"only {allowed} of {points} points of the box satisfy the constraints {named}"


# Designs are looked at for new ones in so many parts, of n, 4 n, 16 n ... but of at most FEW or n.
PARTS = 8
# As soon as fewer designs than this are left in all, the missing ones are drawn from them.
FEW = 1000
# A space that allows less than one point in this many is refused.
CHUNKS = 100
# Results before the first learned proposal, unless the user says: two in each direction, within reason.
LEAST_START, MOST_START = 4, 10
# Designs looked at for each one that is missing: a surrogate chooses among them.
SEARCH = 20


def default_n_initial(codec: Codec) -> int:
    """How many results to wait for before learning: twice the dimension, between 4 and 10.

    In a small space they are at most half of its designs, so that the other half is learned for.
    """
    usual = min(max(2 * codec.dim, LEAST_START), MOST_START)
    designs = first_designs(codec.every(), 2 * usual, lambda one: True)
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
    decoded = codec.fresh(z, state.known)
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
