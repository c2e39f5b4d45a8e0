"""The problem `lasso180`: one penalty for each of 180 features of a linear regression; few of them matter.

After Sehic et al. 2022 (LassoBench, arXiv 2111.02790), on data of our own: 120 rows to fit and 500 to judge, features
normal with correlation 0.6^|i - j|, twelve true coefficients of +-1, noise that makes up a tenth of the variance.
With the penalties l_i = 10^x_i l_max, the value (minimized) is the mean squared error on the rows to judge of

    argmin over b of |y - X b|^2 / (2 n) + sum over i of l_i |b_i|

as a share of the variance of the noise. l_max is the least penalty that, given to all, leaves nothing. The true
coefficients have 1.008, low penalties on the true features and high ones elsewhere 1.12; the optimum is not known. A
penalty that already leaves its feature out changes nothing when it grows: few of the parameters count, but which must
be found.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.linalg import toeplitz
from sklearn.linear_model import Lasso

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise

__all__ = ["Regression", "coefficients", "problem", "regression", "values"]

Array = np.ndarray

FEATURES, TRUE, FIT, JUDGE = 180, 12, 120, 500
CORRELATION, NOISE_SHARE = 0.6, 0.1
LOW = -2.0  # log10 of a penalty over l_max; 0 is the largest
TOLERANCE, ITERATIONS = 1e-8, 200_000  # of the coordinate descent
SEED = 0
BEST = 0.9895383678088437  # by CMA-ES from low penalties on the true features, 22,340 evaluations


@dataclass(frozen=True)
class Regression:
    """The data.

    Args:
        x: features to fit, then those to judge.
        y: what they give.
        truth: the coefficients.
        noise: its variance.
    """

    x: Float[Array, "n 180"]
    y: Float[Array, " n"]
    truth: Float[Array, " 180"]
    noise: float


@cache
def regression() -> Regression:
    """The one data set of the problem."""
    generator = np.random.default_rng(SEED)
    covariance = toeplitz(CORRELATION ** np.arange(FEATURES))
    x = generator.standard_normal((FIT + JUDGE, FEATURES)) @ np.linalg.cholesky(covariance).T
    truth = np.zeros(FEATURES)
    truth[generator.choice(FEATURES, TRUE, replace=False)] = generator.choice([-1.0, 1.0], TRUE)
    noise = float(truth @ covariance @ truth) * NOISE_SHARE / (1 - NOISE_SHARE)
    y = x @ truth + np.sqrt(noise) * generator.standard_normal(len(x))
    return Regression(x, y, truth, noise)


def coefficients(x: Float[Array, " 180"]) -> Float[Array, " 180"]:
    """b of one design: a lasso of equal penalties on features divided by theirs."""
    data = regression()
    features, y = data.x[:FIT], data.y[:FIT]
    largest = np.abs(features.T @ y).max() / FIT
    penalties = largest * 10.0**x
    lasso = Lasso(alpha=1.0, fit_intercept=False, tol=TOLERANCE, max_iter=ITERATIONS).fit(features / penalties, y)
    found: Array = lasso.coef_ / penalties
    return found


def values(x: Float[Array, "n 180"]) -> Float[Array, " n"]:
    """The error of each design, in variances of the noise."""
    data = regression()
    features, y = data.x[FIT:], data.y[FIT:]
    errors = [((y - features @ coefficients(row)) ** 2).mean() for row in x]
    return np.array(errors) / data.noise


@cache
def problem() -> Problem:
    """The problem `lasso180`."""
    space = Space([Real(f"penalty_{i:03d}", LOW, 0.0, unit="log10 of l_max") for i in range(FEATURES)])
    return Problem(
        name="lasso180",
        space=space,
        evaluate=rowwise(space, values),
        direction="minimize",
        best_known=BEST,
        start=40,
        budget=500,
        batch=20,
        source="after Sehic et al. 2022, arXiv 2111.02790; own data, scikit-learn",
    )
