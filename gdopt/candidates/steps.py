"""The law that is sampled: the prior, fine-tuned by what was told. Each rung of the ladder is a diffusion model in
closed form.

* contracted  centre + s (X - X')/√2, with X and X' draws of the prior: the symmetrized prior, moved and contracted
  (`diffusion.moved`). The centre is the weighted elite mean, as in the paper's Theorem 3: covariance frozen, mean
  refitted.
* refitted    centre + F (E - E')/√2 and a small contracted step, with E and E' of the elite: the shape is refitted too.
* guided      draws of the moved prior under a guidance, by the reverse process.
* renoised    the best designs, noised and denoised again under a guidance: steps that stay on data that curve, which
  differences of designs leave.
* corpus      designs of the corpus that the surrogate likes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = [
    "CARRIED",
    "FIRST",
    "FULL_ROUND",
    "LEAST",
    "MOST",
    "PARENTS",
    "SCALE_JITTER",
    "Pool",
    "carried",
    "centre_of",
    "contracted",
    "elite_of",
    "elite_size",
    "elite_weights",
    "joined",
    "noise_levels",
    "parents",
    "pool_size",
    "pooled",
    "refitted",
    "scale_after",
]


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates, and the source that each came from, an index into `sources`."""

    z: Float[Tensor, "n d"]
    source: Int[Tensor, " n"]
    sources: tuple[str, ...]


def pooled(parts: Sequence[tuple[str, Float[Tensor, "_ d"]]]) -> Pool:
    """The candidates of several sources together; sources of one name are one."""
    names = tuple(dict.fromkeys(name for name, _ in parts))
    labels = [torch.full((len(z),), names.index(name)) for name, z in parts]
    return Pool(torch.cat([z for _, z in parts]), torch.cat(labels), names)


def joined(pool: Pool, name: str, z: Float[Tensor, "m d"]) -> Pool:
    """The pool and candidates of one more source."""
    label = torch.full((len(z),), len(pool.sources))
    return Pool(torch.cat([pool.z, z]), torch.cat([pool.source, label]), (*pool.sources, name))


def elite_weights(n: int) -> Float[Tensor, " n"]:
    """Weights of the n best, best first: log(n + ½) - log(rank), scaled to sum to 1 (CMA-ES; Hansen 2016, eq. 49)."""
    ranks = torch.arange(1, n + 1, dtype=torch.float64)
    weights = torch.log(torch.tensor(n + 0.5, dtype=torch.float64)) - ranks.log()
    return weights / weights.sum()


# Candidates for each design asked for.
CANDIDATES_EACH = 4


def pool_size(least: int, n: int) -> int:
    """How many candidates there are to be for n designs: four for each of them, if that is more than the least."""
    return max(least, CANDIDATES_EACH * n)


def elite_of(z: Float[Tensor, "n d"], most: int) -> Float[Tensor, "e d"]:
    """The best of what is known, best first: as many as `elite_size` says."""
    return z[: elite_size(len(z), most)]


def elite_size(known: int, most: int) -> int:
    """How many of what is known are the elite: at most so many, and at most the better half."""
    return min(most, max(2, known // 2))


def centre_of(elite: Float[Tensor, "n d"]) -> Float[Tensor, " d"]:
    """The weighted mean of the elite, best first."""
    return elite_weights(len(elite)) @ elite


# Steps are contracted by a random factor around s, log-normal with this spread: some finer, some wider.
SCALE_JITTER = 0.5


def contracted(
    draws: Float[Tensor, "k d"],
    centre: Float[Tensor, "*#n d"],
    scale: float,
    n: int,
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """n candidates centre + s (X - X')/√2, X and X' among the prior's draws; of one centre, or of one for each."""
    return centre + _jitter(scale, SCALE_JITTER, n, generator) * _differences(draws, n, generator)


# Of the elite's own differences: F = 0.7 is differential evolution's usual factor (Storn and Price 1997 use 0.5 to 1)
# for E - E'; the share of the prior's step keeps the law from collapsing onto the elite's span.
ELITE_STEP, ELITE_JITTER, PRIOR_SHARE = 0.7, 0.6, 0.3


def refitted(
    elite: Float[Tensor, "e d"],
    draws: Float[Tensor, "k d"],
    centre: Float[Tensor, "*#n d"],
    scale: float,
    n: int,
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """n candidates whose steps are differences of elite designs, with a little of the prior's step added."""
    own = _jitter(ELITE_STEP, ELITE_JITTER, n, generator) * _differences(elite, n, generator)
    prior = contracted(draws, torch.zeros_like(centre), scale, n, generator)
    return centre + own + PRIOR_SHARE * prior


# Designs that are noised: as many as two elites.
PARENTS = 24


def parents(z: Float[Tensor, "told d"], n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n of the best designs, best first in z, by the elite's weights: with repetition."""
    best = elite_of(z, PARENTS)
    return best[torch.multinomial(elite_weights(len(best)), n, replacement=True, generator=generator)]


# Levels of noise vary more than steps do: below FAINT nothing moves, above LOUD nothing of the design is left.
LEVEL_JITTER, FAINT, LOUD = 0.7, 0.02, 3.0


def noise_levels(scale: float, n: int, generator: torch.Generator) -> Float[Tensor, " n"]:
    """n noise levels about the contraction."""
    return _jitter(scale, LEVEL_JITTER, n, generator).clamp(FAINT, LOUD).squeeze(1)


# Half of the candidates are carried on, by a random factor that is log-normal with this spread.
CARRIED, CARRY_JITTER = 0.5, 0.5


def carried(z: Float[Tensor, "n d"], drift: Float[Tensor, " d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
    """The candidates, half of them moved on along a drift, some less and some farther."""
    chosen = torch.rand(len(z), 1, generator=generator, dtype=torch.float64) < CARRIED
    return z + chosen * _jitter(1.0, CARRY_JITTER, len(z), generator) * drift


# The contraction starts at FIRST and stays within [LEAST, MOST]; a round that improves on the best widens it, another
# narrows it.
FIRST, LEAST, MOST, WIDEN, NARROW = 0.4, 0.05, 0.7, 1.1, 0.85
# A round of this many results narrows by NARROW in full; fewer results say less.
FULL_ROUND = 20


def scale_after(rounds: Sequence[Sequence[float]], best: float) -> float:
    """The contraction s after the values of some rounds: wider after success, narrower after failure.

    Args:
        rounds: the values told of each round, in order.
        best: the best value before the first of them.
    """
    scale = FIRST
    for values in rounds:
        if max(values, default=best) > best:
            best, scale = max(values), min(MOST, scale * WIDEN)
        else:
            scale = max(LEAST, scale * NARROW ** min(1.0, len(values) / FULL_ROUND))
    return scale


def _differences(rows: Float[Tensor, "k d"], n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of (X - X')/√2: the rows' law made symmetric, at its own covariance."""
    one, other = torch.randint(len(rows), (2, n), generator=generator)
    return (rows[one] - rows[other]) / 2**0.5


def _jitter(scale: float, spread: float, n: int, generator: torch.Generator) -> Float[Tensor, "n 1"]:
    return scale * (spread * torch.randn(n, 1, generator=generator, dtype=torch.float64)).exp()
