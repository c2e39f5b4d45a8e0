"""What an expert believes of a parameter before anything is measured: about where, or between what."""

import math
from dataclasses import dataclass
from typing import SupportsFloat

from gdopt.arguments import assign, number, shown
from gdopt.errors import SettingsError

__all__ = ["Normal", "ParameterPrior", "Uniform"]


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
