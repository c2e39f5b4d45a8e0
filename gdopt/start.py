"""Designs to measure before anything can be learned: of the corpus where there is one, else spread over the box."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from gdopt.algorithm import State, seed_from
from gdopt.codec import EDGE, BoxCodec, Codec, FixedCodec, as_params
from gdopt.errors import SpaceError
from gdopt.prior import DiffusionPrior
from gdopt.space import Choice, Integer, Params, Real, Space, identity
from gdopt.table_codec import TableCodec, has_table

__all__ = ["box_draws", "check_space", "check_whitened", "codec_of", "sobol", "start_designs"]

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
    """n designs that no start before gave, allowed by the space; the seed and the weights fix their order."""
    if has_table(state.space):
        return _rows(TableCodec(state.space, state.fixed), state, n)
    skip = sum(t.source == START for t in state.trials)
    if prior is None:
        codec = BoxCodec(state.space, state.fixed)
        return _apart(codec, state, skip, n) if state.space.conditional else _spread(codec, state.seed, skip, n)
    order = prior.order(torch.Generator().manual_seed(state.seed))
    designs = as_params(state.space, prior.designs[order[skip : skip + n]])
    if len(designs) < n:
        generator = torch.Generator().manual_seed(state.seed + skip)
        designs += prior.codec.decode(prior.sample_z(n - len(designs), generator))
    return [{**one, **state.fixed} for one in designs]


def _rows(codec: TableCodec, state: State, n: int) -> list[Params]:
    """n rows of the table, in random order, those that were not tried first."""
    order = torch.randperm(len(codec.table), generator=torch.Generator().manual_seed(state.seed))
    again = torch.isin(order, torch.tensor(codec.tried(state), dtype=torch.long))
    return codec.params(torch.cat([order[~again], order[again]])[:n].tolist())


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


def _apart(codec: BoxCodec, state: State, skip: int, n: int) -> list[Params]:
    """n designs that differ from each other and from all trials, as long as there are any.

    Points of the box that differ only in what does not count are one design.
    """
    taken = {identity(t.params) for t in state.trials}
    found: list[Params] = []
    again: list[Params] = []
    while len(found) < n and len(again) < AGAIN + n:
        for one in _spread(codec, state.seed, skip, n):
            key = identity(one)
            (again if key in taken else found).append(one)
            taken.add(key)
        skip += n
    return [*found, *again][:n]


# Points that are known already, after which there is taken to be nothing new.
AGAIN = 1000
# A space that allows less than one point in this many is refused.
CHUNKS = 100
