"""What an expert believes of a parameter before anything is measured: about where, or between what."""

import math
from dataclasses import dataclass
from typing import Any, SupportsFloat

from scipy import stats

from gdopt.arguments import assign, number, shown
from gdopt.errors import SettingsError
from gdopt.space.parameters import Real

__all__ = ["Normal", "ParameterPrior", "Uniform", "independent_density", "is_truncated"]


@dataclass(frozen=True)
class Normal:
    """About `mean`, give or take `std`: a Gaussian, cut off at the parameter's bounds.

    Args:
        mean: where it is likeliest.
        std: the standard deviation: two times in three it is no farther away.

    Raises:
        SettingsError: one is not finite, or std is not above 0.
    """

    mean: float
    std: float

    def __init__(self, mean: SupportsFloat, std: SupportsFloat) -> None:
        at, spread = number(mean), number(std)
        if at is None or spread is None or not (math.isfinite(at) and 0 < spread < math.inf):
            raise SettingsError(f"Normal(mean={shown(mean)}, std={shown(std)}): expected finite numbers, std above 0")
        assign(self, mean=at, std=spread)


@dataclass(frozen=True)
class Uniform:
    """Anywhere between `low` and `high` alike, and nowhere else.

    Args:
        low: the least.
        high: the most.

    Raises:
        SettingsError: one is not finite, or low is not below high.
    """

    low: float
    high: float

    def __init__(self, low: SupportsFloat, high: SupportsFloat) -> None:
        least, most = number(low), number(high)
        if least is None or most is None or not -math.inf < least < most < math.inf:
            raise SettingsError(
                f"Uniform(low={shown(low)}, high={shown(high)}): expected finite numbers, low below high"
            )
        assign(self, low=least, high=most)


ParameterPrior = Normal | Uniform


def independent_density(parameter: Real, belief: ParameterPrior | None) -> tuple[float, float, float, float]:
    """The ends, the mean and the standard deviation of the Gaussian that is cut off there; infinite for a uniform law.

    Raises:
        SettingsError: the belief is outside the bounds.
    """
    low, high = parameter.low, parameter.high
    if isinstance(belief, Normal):
        if not low <= belief.mean <= high:
            raise SettingsError(f"{parameter.name}: {belief} is outside the bounds [{low:g}, {high:g}]")
        return low, high, belief.mean, belief.std
    if belief is not None:
        if not low <= belief.low < belief.high <= high:
            raise SettingsError(f"{parameter.name}: {belief} is outside the bounds [{low:g}, {high:g}]")
        low, high = belief.low, belief.high
    return low, high, (low + high) / 2, math.inf


def is_truncated(low: float, high: float, mean: float, std: float) -> Any:
    """The same law as scipy has it."""
    if math.isinf(std):
        return stats.uniform(low, high - low)
    return stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)
