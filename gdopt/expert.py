"""What an expert believes of a parameter before anything is measured: about where, or between what."""

import math
from dataclasses import dataclass

from gdopt.errors import SettingsError

__all__ = ["Belief", "Normal", "Uniform"]


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

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and 0 < self.std < math.inf):
            raise SettingsError(f"{self}: expected finite numbers, std above 0")


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

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise SettingsError(f"{self}: expected finite numbers, low below high")


Belief = Normal | Uniform
