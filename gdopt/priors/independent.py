"""The distribution of an expert's beliefs: independent Gaussians, truncated at the bounds, and uniform ones."""

import math
from typing import Any

from scipy import stats

from gdopt.errors import SettingsError
from gdopt.priors.expert import Normal, ParameterPrior
from gdopt.space.parameters import Real

__all__ = ["independent_density", "truncated"]


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


def truncated(low: float, high: float, mean: float, std: float) -> Any:
    """The distribution of scipy with these ends and moments."""
    if math.isinf(std):
        return stats.uniform(low, high - low)
    return stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)
