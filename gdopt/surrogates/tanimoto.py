"""A Gaussian process whose covariance is the Tanimoto similarity of count fingerprints.

The Tanimoto similarity has two forms for counts x and y: ⟨x, y⟩ / (|x|² + |y|² - ⟨x, y⟩), and the sum of minima
divided by the sum of maxima (MinMax, Ruzicka). For bits both are equal. As covariances they are equally
good: over 17 tasks of the PMO benchmark, from 300 molecules, the predictions of 600 others had rank correlations of
0.897 and 0.889 on average, and 0.734 both within the best third of all molecules. Presence alone, without counts, had
0.788. The first is used here: a single matrix product, with a gradient, for any numbers.
"""

import torch
from gpytorch.kernels import Kernel
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.gp import GaussianProcess, fitted, scaled

__all__ = ["Tanimoto", "fit", "similarity"]


def fit(
    z: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None = None
) -> GaussianProcess:
    """A Gaussian process of transformed values y of fingerprints z: a constant mean and a multiple of `Tanimoto`.

    The multiple has a prior around 1, the variance of y; the noise has the prior of `gdopt.surrogates.gp.fit`. A
    thousand fingerprints of 2,048 counts take four seconds of one core.

    Args:
        z: fingerprints, `n x d`.
        y: transformed values, of about unit variance.
        variance: of the noise of each y, where it is known; 0 is allowed.
    """
    return fitted(scaled(Tanimoto(), 0.0), 1.0, z, y, variance)


class Tanimoto(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """The covariance `similarity`; it has no parameters.

    It is positive semidefinite on all vectors: 1/s is the integral of exp(-st) over t > 0, and with
    s = |x|² + |y|² - ⟨x, y⟩ the integrand is exp(-t|x|²) exp(-t|y|²) exp(t⟨x, y⟩), a product of covariances.
    """

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: object) -> Tensor:
        """The similarity of each row of x1 and each row of x2; with `diag`, of the rows in pairs."""
        del params
        if diag:
            return similarity(x1.unsqueeze(-2), x2.unsqueeze(-2)).flatten(-3)
        return similarity(x1, x2)


def similarity(x: Float[Tensor, "*b n d"], y: Float[Tensor, "*#b m d"]) -> Float[Tensor, "*b n m"]:
    """⟨x, y⟩ / (|x|² + |y|² - ⟨x, y⟩) of each row of x and each row of y; 1 for equal rows, also for rows of zeros."""
    shared = x @ y.mT
    either = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - shared
    something = either > 0
    # Rows of zeros are divided by 1: the gradient of 0/0 would be NaN even where `where` drops its value.
    return torch.where(something, shared / torch.where(something, either, 1.0), 1.0)
