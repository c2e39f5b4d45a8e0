"""Weights of designs: of what law they are draws, and how many of equal weight they are worth."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from gdopt.arguments import number, shown, text
from gdopt.errors import CorpusError, SettingsError

__all__ = ["DIRECTIONS", "SHARE", "checked_weights", "effective_size", "outcome_weights"]

# Of normally distributed outcomes, exp(y/T) with T their standard deviation leaves this effective share, exp(-1).
SHARE = float(np.exp(-1))
DIRECTIONS = ("maximize", "minimize")
# A law of one design has no spread.
LEAST = 2
# exp(-LARGEST) is the smallest weight that a double still holds beside 1.
LARGEST = 36.0


def effective_size(weights: Float[np.ndarray, " n"]) -> float:
    """How many rows of equal weight tell as much: (Σw)²/Σw² (Kish 1965)."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


def checked_weights(weights: ArrayLike, n: int) -> Float[np.ndarray, " n"]:
    """The weights of n rows as float64.

    Raises:
        CorpusError: there are not n of them, one is negative or not finite, or all are 0.
    """
    given = _array("weights", weights)
    if given.shape != (n,):
        raise CorpusError(f"weights must be one number for each of the {n} designs, got shape {given.shape}")
    if not (_is_real(given) or given.dtype == bool):
        raise CorpusError(f"weights must be numbers, got {given.dtype}")
    if len(bad := np.flatnonzero(~np.isfinite(given) | (given < 0))):
        raise CorpusError(
            f"weights must be finite and not negative; those of rows {bad[:5].tolist()} (of {len(bad)}) are "
            f"{given[bad[:5]].tolist()}"
        )
    if not given.any():
        raise CorpusError("all weights are 0: nothing is left to fit a prior to")
    found: np.ndarray = given.astype(np.float64)
    return found


def _array(said: str, given: Any) -> np.ndarray:
    """The numbers of a list, an array or a tensor."""
    # A tensor may be part of a graph, or on another device; here torch is not loaded for it.
    plain = given.detach().cpu() if hasattr(given, "detach") else given
    try:
        return np.asarray(plain)
    except (TypeError, ValueError) as error:
        raise CorpusError(f"{said} must be one number for each design: {error}") from error


def _is_real(array: np.ndarray) -> bool:
    return np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)


def outcome_weights(values: ArrayLike, *, direction: str = "maximize", share: float = SHARE) -> Float[np.ndarray, " n"]:
    """Weights that tilt measured designs towards the better ones: w ∝ exp(y/T), 1 on average, y higher for better.

    A law p weighted by exp(y/T) is the one of the best mean y among all that are as near to p by the Kullback-Leibler
    divergence. For a Gaussian N(μ, Σ) and a linear y = b'x it is N(μ + Σb/T, Σ). T is solved for, so that the weighted
    designs are worth a share of what they are unweighted, and neither units nor outliers of y decide. Where more than
    the share are equally the best, these have all the weight.

    Args:
        values: of designs of a related task; NaN where none is known, such as of a trial that failed: weight 0.
        direction: "maximize" or "minimize", as the related task's.
        share: of those with a value, the effective share that is left, (Σw)²/(nΣw²); 1 weights all alike. By default
            1/e: of normally distributed values T is then their standard deviation.

    Raises:
        SettingsError: the direction or the share is none.
        CorpusError: a value is infinite or no number, or the share is of less than two designs.
    """
    if text(direction) not in DIRECTIONS:
        raise SettingsError(f"direction = {shown(direction)}: expected one of {', '.join(DIRECTIONS)}")
    if (part := number(share)) is None or not 0 < part <= 1:
        raise SettingsError(f"share = {shown(share)}: expected more than 0 and at most 1")
    given = _array("values", values)
    if given.ndim != 1 or not _is_real(given):
        raise CorpusError(f"values must be one number for each design, got {given.dtype} of shape {given.shape}")
    if len(bad := np.flatnonzero(np.isinf(given))):
        raise CorpusError(f"values must be finite, or NaN for unknown; those of rows {bad[:5].tolist()} are not")
    known = ~np.isnan(given)
    size = part * known.sum()
    if size < LEAST:
        raise CorpusError(
            f"{int(known.sum())} known values at a share of {part:.3g} are worth {size:.2g} designs: "
            f"a prior needs {LEAST} or more"
        )
    better = given[known].astype(np.float64)
    if direction == "minimize":
        better = -better
    found: np.ndarray = np.zeros(len(given))
    found[known] = _tilted((better - better.max()) / (np.ptp(better) or 1.0), size)
    found /= found.mean()
    return found


def _tilted(below: Float[np.ndarray, " n"], size: float) -> Float[np.ndarray, " n"]:
    """exp(y/T), y given from -1 to 0, of that effective size, which falls as 1/T grows."""
    best = below == 0
    if best.all() or size >= len(below):
        return np.ones(len(below))

    def excess(coldness: float) -> float:
        return effective_size(np.exp(coldness * below)) - size

    # There all but the best are as good as nothing.
    coldest = LARGEST / float(-below[~best].max())
    if excess(coldest) >= 0:
        return np.where(best, 1.0, 0.0)
    weights: np.ndarray = np.exp(brentq(excess, 0.0, coldest) * below)
    return weights
