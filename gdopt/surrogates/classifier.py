"""A classifier of success and failure: scikit-learn's Gaussian process classifier."""

import warnings

import torch
from jaxtyping import Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern
from torch import Tensor

__all__ = ["probability"]

# Bounds of the kernel's parameters: of the variance of the logit, and of its length scale in units of √d, which is
# about the distance of two designs. A shorter one would memorize single trials.
VARIANCES, LENGTHS = (1e-2, 1e3), (0.25, 10.0)
# The log Bayes factor above which failures depend on the design: independent failures stayed below it in all but 1 of
# 288 simulations of 10 to 200 trials in 2, 6 and 30 dimensions.
EVIDENCE = 2.0


def probability(
    z: Float[Tensor, "n d"], succeeded: Bool[Tensor, " n"], at: Float[Tensor, "m d"]
) -> Float[Tensor, " m"] | None:
    """P(success) at each row of `at`, from trials at the rows of z; None if the data do not show a dependence on z.

    The logit is a Gaussian process, a constant plus Matérn-5/2 of one length scale, in Laplace's approximation
    (Rasmussen and Williams 2006, section 3.4). Its marginal likelihood must be e² times that of the constant alone:
    one failure, or independent failures, are no evidence of a region.
    """
    width = z.shape[1] ** 0.5
    same = ConstantKernel(1.0, VARIANCES)
    place = Matern(width, (LENGTHS[0] * width, LENGTHS[1] * width), nu=2.5)
    everywhere, somewhere = (_fitted(kernel, z, succeeded) for kernel in (same, same + same * place))
    if somewhere.log_marginal_likelihood_value_ - everywhere.log_marginal_likelihood_value_ < EVIDENCE:
        return None
    return torch.from_numpy(somewhere.predict_proba(at.numpy())[:, 1])


def _fitted(kernel: Kernel, z: Float[Tensor, "n d"], succeeded: Bool[Tensor, " n"]) -> GaussianProcessClassifier:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter at its bound
        return GaussianProcessClassifier(kernel).fit(z.numpy(), succeeded.numpy())
