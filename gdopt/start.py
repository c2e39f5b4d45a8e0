"""Designs to measure before anything can be learned: of the corpus where there is one, else spread over the box."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.quasirandom import SobolEngine

from gdopt.algorithm import State
from gdopt.codec import EDGE, BoxCodec, Codec, as_params
from gdopt.errors import SpaceError
from gdopt.prior import DiffusionPrior
from gdopt.space import Params, Space

__all__ = ["check_space", "codec_of", "sobol", "start_designs"]

# What `Trial.source` says of them.
START = "start"


def codec_of(space: Space, prior: DiffusionPrior | None) -> Codec:
    """The prior's own coordinates, or those of the box."""
    return BoxCodec(space) if prior is None else prior.codec


def check_space(space: Space, prior: DiffusionPrior | None) -> None:
    """Raise `SpaceError` unless a study of the space can use the prior, and its constraints leave something to try."""
    if prior is not None and prior.space != space:
        theirs, ours = len(prior.space.parameters), len(space.parameters)
        raise SpaceError(
            f"the prior is of another space ({theirs} parameters, the study has {ours}, or bounds differ): "
            "give the study prior.space, or fit the prior with space="
        )
    codec_of(space, prior)


def start_designs(state: State, prior: DiffusionPrior | None, n: int) -> list[Params]:
    """n designs that no start before gave, allowed by the space; the seed and the weights fix their order."""
    skip = sum(t.source == START for t in state.trials)
    if prior is None:
        return _allowed_sobol(state.space, state.seed, skip, n)
    order = prior.order(torch.Generator().manual_seed(state.seed))
    designs = as_params(state.space, prior.designs[order[skip : skip + n]])
    if len(designs) < n:
        generator = torch.Generator().manual_seed(state.seed + skip)
        designs += prior.codec.decode(prior.sample_z(n - len(designs), generator))
    return designs


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


def _allowed_sobol(space: Space, seed: int, skip: int, n: int) -> list[Params]:
    """The space's own points of the sequence; whole numbers can break a constraint, and such points are passed over."""
    codec = BoxCodec(space)
    allowed: list[Params] = []
    wanted = skip + n
    for chunk in range(CHUNKS):
        z = sobol(codec.dim, seed, chunk * wanted, wanted)
        allowed += [p for p in codec.decode(z) if space.allows(p)]
        if len(allowed) >= wanted:
            return allowed[skip:wanted]
    raise SpaceError(
        f"only {len(allowed)} of {CHUNKS * wanted} points of the box satisfy the constraints "
        f"{'; '.join(map(str, space.constraints))}"
    )


# A space that allows less than one point in this many is refused.
CHUNKS = 100
