"""Designs to measure before anything can be learned: of the corpus where there is one, else spread over the box."""

from collections.abc import Sequence, Set

import torch
from jaxtyping import Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from gdopt.algorithm import State, append, seed_from
from gdopt.codec import EDGE, BoxCodec, Codec, FixedCodec, as_params
from gdopt.errors import SpaceError
from gdopt.finite import first
from gdopt.prior import DiffusionPrior
from gdopt.space import Choice, Integer, Params, Real, Space, Value, identity
from gdopt.table_codec import TableCodec, has_table

__all__ = ["box_draws", "check_space", "check_whitened", "codec_of", "left", "sobol", "start_designs", "started"]

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


def start_designs(state: State, prior: DiffusionPrior | None, n: int) -> list[Params]:
    """n designs that were neither tried nor refused, each once; all that are left, if fewer.

    The seed and the weights fix their order.
    """
    codec = codec_of(state.space, prior, state.fixed)
    if isinstance(codec, TableCodec):
        return codec.untried(state, n, torch.Generator().manual_seed(state.seed))
    seen = {identity(one) for one in state.known}
    found: list[Params] = []
    skip, size = sum(t.source == START for t in state.trials), n
    for _ in range(PARTS):
        try:
            found += _unseen(_part(state, prior, codec, skip, size), seen)
        except SpaceError:
            # Points of the box are hardly ever allowed; whole numbers and levels can be gone through all the same.
            if not (some := left(codec, seen, n - len(found))) and not (some == [] and seen):
                raise
            return found + some
        if len(found) >= n:
            return found[:n]
        some = left(codec, seen, FEW)
        if some is not None and len(some) < FEW:
            order = torch.randperm(len(some), generator=torch.Generator().manual_seed(state.seed + len(seen)))
            return found + [some[i] for i in order[: n - len(found)].tolist()]
        skip, size = skip + size, min(4 * size, max(n, FEW))
    return found + (left(codec, seen, n - len(found)) or [])


def started(state: State, designs: Sequence[Params]) -> State:
    """The state with pending trials of the start."""
    return append(state, designs, [START] * len(designs), [None] * len(designs), {})


def left(codec: Codec, seen: Set[tuple[Value, ...]], n: int) -> list[Params] | None:
    """n designs that were not seen, or all that are left if they are fewer; None where `gdopt.finite.first` says so."""
    return first(codec.every(), n, lambda one: identity(one) not in seen)


def _unseen(designs: Sequence[Params], seen: set[tuple[Value, ...]]) -> list[Params]:
    """The designs that were not seen, each once; from now on they are."""
    found: list[Params] = []
    for one in designs:
        if (key := identity(one)) not in seen:
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


def sobol(dim: int, seed: int, skip: int, n: int) -> Float[Tensor, "n d"]:
    """n points of a scrambled Sobol sequence on [-√3, √3], after the first `skip`; random beyond its dimensions."""
    if dim > SobolEngine.MAXDIM:
        generator = torch.Generator().manual_seed(seed)
        unit = torch.rand(skip + n, dim, generator=generator, dtype=torch.float64)[skip:]
    else:
        engine = SobolEngine(dim, scramble=True, seed=seed)
        unit = engine.fast_forward(skip).draw(n, dtype=torch.float64)
    return EDGE * (2 * unit - 1)


def uniform(dim: int, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of the uniform law on [-√3, √3]."""
    return EDGE * (2 * torch.rand(n, dim, generator=generator, dtype=torch.float64) - 1)


def box_draws(codec: BoxCodec, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of the uniform law on the box, or on what the constraints leave of it."""
    z = uniform(codec.dim, n, generator)
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
        return codec.decode(sobol(codec.dim, seed, skip, n))
    allowed: list[Params] = []
    wanted = skip + n
    for chunk in range(CHUNKS):
        z = sobol(codec.dim, seed, chunk * wanted, wanted)
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
