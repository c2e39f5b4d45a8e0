"""Steps from the best designs to candidates. Each kind of step samples a fine-tuned diffusion model in closed form.

* contracted: centre + s (X - X')/√2, with X and X' draws of the prior: the symmetrized prior, moved and contracted
  (`gdopt.diffusion.denoiser.translated_and_scaled`). The centre is the weighted mean of the elite, as in Theorem 3 of
  the
  paper: the covariance is frozen, the mean refitted.
* refitted: centre + F (E - E')/√2 and a small contracted step, with E and E' of the elite: the covariance is refitted
too. * guided: draws of the moved prior under guidance, by the reverse process.
* renoised: the best designs, noised and denoised under guidance (SDEdit): steps along a curved set of data, which
  differences of designs leave.
* broad: designs from anywhere with the highest upper confidence bounds.
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
    """Candidates, `n x d`, and the source of each: an index into `sources`."""

    z: Float[Tensor, "n d"]
    source: Int[Tensor, " n"]
    sources: tuple[str, ...]


def pooled(parts: Sequence[tuple[str, Float[Tensor, "_ d"]]]) -> Pool:
    """The candidates of several sources in one pool; parts of the same name are one source."""
    names = tuple(dict.fromkeys(name for name, _ in parts))
    labels = [torch.full((len(z),), names.index(name)) for name, z in parts]
    return Pool(torch.cat([z for _, z in parts]), torch.cat(labels), names)


def joined(pool: Pool, name: str, z: Float[Tensor, "m d"]) -> Pool:
    """The pool with the candidates of one more source."""
    label = torch.full((len(z),), len(pool.sources))
    return Pool(torch.cat([pool.z, z]), torch.cat([pool.source, label]), (*pool.sources, name))


def elite_weights(n: int) -> Float[Tensor, " n"]:
    """Weights of the n best, best first: log(n + ½) - log(rank), scaled to sum to 1 (CMA-ES; Hansen 2016, eq. 49)."""
    ranks = torch.arange(1, n + 1, dtype=torch.float64)
    weights = torch.log(torch.tensor(n + 0.5, dtype=torch.float64)) - ranks.log()
    return weights / weights.sum()


# Candidates for each proposal.
CANDIDATES_EACH = 4


def pool_size(least: int, n: int) -> int:
    """The size of the pool for n proposals: `least`, or four for each proposal, if that is more."""
    return max(least, CANDIDATES_EACH * n)


def elite_of(z: Float[Tensor, "n d"], most: int) -> Float[Tensor, "e d"]:
    """The first `elite_size` rows of z, which has the best design first."""
    return z[: elite_size(len(z), most)]


def elite_size(known: int, most: int) -> int:
    """The size of the elite among `known` designs: at most `most`, and at most the better half."""
    return min(most, max(2, known // 2))


def centre_of(elite: Float[Tensor, "n d"]) -> Float[Tensor, " d"]:
    """The mean of the elite, best first, with `elite_weights`."""
    return elite_weights(len(elite)) @ elite


# Standard deviation of the logarithm of the contraction: some steps are finer, some wider.
SCALE_JITTER = 0.5


def contracted(
    draws: Float[Tensor, "k d"],
    centre: Float[Tensor, "*#n d"],
    scale: float,
    n: int,
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """n candidates centre + s (X - X')/√2, with X and X' among draws of the prior; of one centre or one each."""
    return centre + _jitter(scale, SCALE_JITTER, n, generator) * _differences(draws, n, generator)


# Differences of the elite: F = 0.7 is the usual factor of differential evolution (Storn and Price 1997 use 0.5 to 1)
# for E - E'. The share of the prior's step prevents a collapse onto the span of the elite.
ELITE_STEP, ELITE_JITTER, PRIOR_SHARE = 0.7, 0.6, 0.3


def refitted(
    elite: Float[Tensor, "e d"],
    draws: Float[Tensor, "k d"],
    centre: Float[Tensor, "*#n d"],
    scale: float,
    n: int,
    generator: torch.Generator,
) -> Float[Tensor, "n d"]:
    """n candidates centre + F (E - E')/√2 + a share of a contracted step, with E and E' among the elite."""
    own = _jitter(ELITE_STEP, ELITE_JITTER, n, generator) * _differences(elite, n, generator)
    prior = contracted(draws, torch.zeros_like(centre), scale, n, generator)
    return centre + own + PRIOR_SHARE * prior


# Number of best designs that are noised: two elites.
PARENTS = 24


def parents(z: Float[Tensor, "m d"], n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """n draws of the best designs with `elite_weights`, with repetition; z has the best design first."""
    best = elite_of(z, PARENTS)
    return best[torch.multinomial(elite_weights(len(best)), n, replacement=True, generator=generator)]


# Noise levels vary more than contractions: below FAINT nothing moves, above LOUD nothing of the design is left.
LEVEL_JITTER, FAINT, LOUD = 0.7, 0.02, 3.0


def noise_levels(scale: float, n: int, generator: torch.Generator) -> Float[Tensor, " n"]:
    """n log-normal noise levels around the contraction."""
    return _jitter(scale, LEVEL_JITTER, n, generator).clamp(FAINT, LOUD).squeeze(1)


# Share of the candidates that move along the drift, and the standard deviation of the logarithm of their factor.
CARRIED, CARRY_JITTER = 0.5, 0.5


def carried(z: Float[Tensor, "n d"], drift: Float[Tensor, " d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
    """The candidates, half of them moved along the drift by a log-normal factor."""
    chosen = torch.rand(len(z), 1, generator=generator, dtype=torch.float64) < CARRIED
    return z + chosen * _jitter(1.0, CARRY_JITTER, len(z), generator) * drift


# The contraction starts at FIRST and stays within [LEAST, MOST]; a round with a new best widens it, another narrows it.
FIRST, LEAST, MOST, WIDEN, NARROW = 0.4, 0.05, 0.7, 1.1, 0.85
# A round of this many results narrows by NARROW in full; fewer results narrow less.
FULL_ROUND = 20


def scale_after(rounds: Sequence[Sequence[float]], best: float) -> float:
    """The contraction s after some rounds: wider after a new best, narrower otherwise.

    Args:
        rounds: the values of each round, in order.
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
    """n draws of (X - X')/√2: the symmetrized distribution of the rows, with the same covariance."""
    one, other = torch.randint(len(rows), (2, n), generator=generator)
    return (rows[one] - rows[other]) / 2**0.5


def _jitter(scale: float, spread: float, n: int, generator: torch.Generator) -> Float[Tensor, "n 1"]:
    return scale * (spread * torch.randn(n, 1, generator=generator, dtype=torch.float64)).exp()
