"""A Gaussian process of values of molecules, whose covariance is the similarity of their count fingerprints.

Tanimoto's similarity has two readings for counts x and y: ⟨x, y⟩ / (|x|² + |y|² - ⟨x, y⟩), and the sum of the lesser
counts over that of the greater ones (MinMax, Ruzicka). For bits both are the same. As covariances they tell equally
much: over 17 tasks of the PMO benchmark, from 300 molecules, the predictions of 600 others had rank correlations of
0.897 and 0.889 on average, and 0.734 both within the best third of all molecules. Presence alone, without counts, had
0.788. The first is used here: it is one matrix product, has a gradient, and needs no whole numbers.
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
    """A Gaussian process through warped values y of fingerprints z: a constant plus a multiple of `Tanimoto`.

    The multiple has a prior about 1, the variance of y, the noise that of `gdopt.surrogates.gp.fit`. A thousand
    fingerprints of 2,048 counts take four seconds of one core.

    Args:
        z: fingerprints.
        y: warped values, of about unit variance.
        variance: of the noise of each y, as far as it is known; 0 is allowed.
    """
    return fitted(scaled(Tanimoto(), 0.0), 1.0, z, y, variance)


class Tanimoto(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """The covariance of which each entry is `similarity`; it has no parameters.

    It is positive semidefinite on all vectors: 1/s is the integral of exp(-st) over t > 0, and with
    s = |x|² + |y|² - ⟨x, y⟩ the integrand is exp(-t|x|²) exp(-t|y|²) exp(t⟨x, y⟩), a product of covariances.
    """

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: object) -> Tensor:
        """Of each row of x1 and each of x2, or with `diag` of the rows in pairs."""
        del params
        if diag:
            return similarity(x1.unsqueeze(-2), x2.unsqueeze(-2)).flatten(-3)
        return similarity(x1, x2)


def similarity(x: Float[Tensor, "*b n d"], y: Float[Tensor, "*#b m d"]) -> Float[Tensor, "*b n m"]:
    """⟨x, y⟩ / (|x|² + |y|² - ⟨x, y⟩) of each row of x and each of y: 1 for equal rows, those of zeros among them."""
    shared = x @ y.mT
    either = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - shared
    something = either > 0
    # Divided by 1 where there is nothing: a gradient of 0/0 would be NaN even where its value is not taken.
    return torch.where(something, shared / torch.where(something, either, 1.0), 1.0)
