"""The problem `digits`: an 8 x 8 image that is surely a three and has much ink; for teaching and quick checks.

The corpus is the 1,797 handwritten digits that scikit-learn ships (Alpaydin and Kaynak 1998, UCI), grey values from 0
to 1. With z_c = m_c' S^-1 x - m_c' S^-1 m_c / 2, the score of class c when all classes are Gaussian with means m_c
and one covariance S (that of the corpus within its classes, plus 0.01 I), the value (maximized) is

    (z_3 - log sum over c != 3 of exp z_c) mean(x)

log-odds of a three, times ink. All is in closed form, so the value is smooth and does not depend on how a classifier is
trained. The best image of the box is no digit: a linear classifier can be fooled. `distance` says how far an image is
from the corpus, and a result means something only beside it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax
from sklearn.datasets import load_digits

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt_problems.designs import named_gradients, rowwise

__all__ = ["corpus", "distance", "gradients", "labels", "problem", "values"]

Array = np.ndarray

SIDE, GREY = 8, 16.0  # pixels; the largest grey value in the files
TARGET, CLASSES = 3, 10
RIDGE = 0.01
BEST = 21.625654851778613  # by L-BFGS-B from the 20 best images; it is no digit, at a distance of 5 from the nearest


def corpus() -> Float[Array, "1797 64"]:
    """The images, row by row of their pixels, from 0 (paper) to 1 (ink)."""
    images: Array = load_digits().data / GREY
    return images


def labels() -> Array:
    """Which digit each image of the corpus is."""
    found: Array = load_digits().target
    return found


@dataclass(frozen=True)
class Scores:
    """z = x weights' + offsets."""

    weights: Float[Array, "10 64"]
    offsets: Float[Array, " 10"]


@cache
def scores() -> Scores:
    """The scores of Gaussian classes with one covariance."""
    x, digit = corpus(), labels()
    means = np.array([x[digit == c].mean(axis=0) for c in range(CLASSES)])
    within = x - means[digit]
    covariance = within.T @ within / len(x) + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(covariance, means.T).T
    return Scores(weights, -(weights * means).sum(axis=1) / 2)


def _log_odds(x: Float[Array, "n 64"]) -> tuple[Float[Array, " n"], Float[Array, "n 64"]]:
    """The log-odds of the target at each row, and their gradients."""
    others = np.arange(CLASSES) != TARGET
    of = scores()
    z = x @ of.weights.T + of.offsets
    slopes = of.weights[TARGET] - softmax(z[:, others], axis=1) @ of.weights[others]
    return z[:, TARGET] - logsumexp(z[:, others], axis=1), slopes


def values(x: Float[Array, "n 64"]) -> Float[Array, " n"]:
    """Log-odds times ink of each row."""
    odds, _ = _log_odds(x)
    found: Array = odds * x.mean(axis=1)
    return found


def gradients(x: Float[Array, "n 64"]) -> Float[Array, "n 64"]:
    """The gradient of the value at each row."""
    odds, slopes = _log_odds(x)
    found: Array = slopes * x.mean(axis=1, keepdims=True) + odds[:, None] / x.shape[1]
    return found


def distance(x: Float[Array, "n 64"]) -> Float[Array, " n"]:
    """The distance of each row to the nearest image of the corpus."""
    found: Array = cdist(x, corpus()).min(axis=1)
    return found


@cache
def problem() -> Problem:
    """The problem `digits`: 64 grey values."""
    space = Space([Real(f"pixel_{i}{j}", 0.0, 1.0, unit="ink") for i in range(SIDE) for j in range(SIDE)])
    return Problem(
        name="digits",
        space=space,
        evaluate=rowwise(space, values),
        direction="maximize",
        gradient=named_gradients(space, gradients),
        corpus=corpus,
        best_known=BEST,
        start=50,
        budget=200,
        batch=25,
        source="own; the digits that scikit-learn ships (UCI, Alpaydin and Kaynak 1998)",
    )
