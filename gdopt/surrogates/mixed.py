"""A Gaussian process of numbers and categories, in which a category is one input and not its one-hot columns.

Its covariance is that of BoTorch's MixedSingleTaskGP,

    k = s (k_num + t k_cat) + u k_num k_cat,    k_cat = exp(-mean_j [category_j differs] / l_j)

with k_num Matérn-5/2. Here it is over one-hot columns: [category differs] is the squared distance of the columns,
divided by the distance between two categories. So the covariance has a gradient, which guidance needs.

A screen has a few dozen results for as many categories, too few to determine their similarity: the likelihood alone
makes
categories irrelevant or decisive. Every length scale and every share therefore has a log-normal prior of its own;
MixedSingleTaskGP has one for the numbers only, and a wide one.
"""

import math
from collections.abc import Sequence

import torch
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, MaternKernel
from gpytorch.priors import LogNormalPrior
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.gp import BOX, GaussianProcess, fitted, scaled

__all__ = ["Categories", "fit"]

# The least length scale, as in BoTorch's MixedSingleTaskGP.
SHORTEST = 1e-6
# The median length scale of categories: designs that differ in all categories have a correlation of 1/e.
MEDIAN = 1.0
# The same of numbers, in root mean square distances of two draws of the box: moderate, so that a result at one
# temperature informs about all temperatures.
REACH = 2.0
# The prior standard deviation of the logarithm of a length scale.
SURE = 0.5
# Prior means of the logarithms of s and u: numbers, categories and their product have about equal shares.
ADDED, PRODUCT = -1.0, -1.0


class Categories(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """exp(-mean_j d_j / l_j), with d_j the squared distance in the columns of choice j, 1 between two of its
    categories.

    Args:
        columns: of each choice.
        apart: the squared distance between the columns of two categories.
    """

    def __init__(self, columns: Sequence[slice], apart: float) -> None:
        super().__init__()
        self.apart = apart
        self.columns = torch.cat([torch.arange(one.start, one.stop) for one in columns])
        self.category = torch.cat([torch.full((one.stop - one.start,), j) for j, one in enumerate(columns)])
        # Not gpytorch's `lengthscale`, which has one for each column.
        self.register_parameter("raw_scales", torch.nn.Parameter(torch.zeros(len(columns), dtype=torch.float64)))
        self.register_constraint("raw_scales", GreaterThan(SHORTEST))
        self.register_prior("scales_prior", LogNormalPrior(math.log(MEDIAN), SURE), "scales")
        self.scales = torch.full((len(columns),), MEDIAN, dtype=torch.float64)

    @property
    def scales(self) -> Float[Tensor, " categories"]:
        """The length scale of each category."""
        found: Tensor = self.raw_scales_constraint.transform(self.raw_scales)
        return found

    @scales.setter
    def scales(self, scales: Float[Tensor, " categories"]) -> None:
        self.initialize(raw_scales=self.raw_scales_constraint.inverse_transform(scales))

    def forward(
        self, x1: Float[Tensor, "*b n d"], x2: Float[Tensor, "*b m d"], diag: bool = False, **params: object
    ) -> Tensor:
        """The covariance of the rows of x1 and x2."""
        of_column = self.scales[self.category] * len(self.scales) * self.apart
        scaled = (x[..., self.columns] / of_column.sqrt() for x in (x1, x2))
        distance: Tensor = self.covar_dist(*scaled, square_dist=True, diag=diag, **params)
        return (-distance).exp()


def fit(
    categories: Sequence[slice],
    apart: float,
    z: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    variance: Float[Tensor, " n"] | None = None,
) -> GaussianProcess:
    """A Gaussian process of transformed values y at z; see `gdopt.surrogates.gp.fit`.

    Args:
        categories: the columns of each choice in z; all other columns are numbers.
        apart: the squared distance between two categories, in z.
        z: training inputs, `n x d`.
        y: transformed values, of about unit variance.
        variance: of the noise of each y, where it is known; 0 is allowed.
    """
    taken = {column for one in categories for column in range(one.start, one.stop)}
    numbers = [column for column in range(z.shape[1]) if column not in taken]

    def of_categories() -> Kernel:
        return Categories(categories, apart / BOX**2)

    if not numbers:
        return fitted(scaled(of_categories(), 0.0), BOX, z, y, variance)
    added = scaled(_of_numbers(numbers) + scaled(of_categories(), 0.0), ADDED)
    return fitted(added + scaled(_of_numbers(numbers) * of_categories(), PRODUCT), BOX, z, y, variance)


def _of_numbers(columns: Sequence[int]) -> Kernel:
    """The Matérn-5/2 covariance of the columns of numbers, each with a length scale."""
    # Two draws of unit variance are √2 apart in each column.
    median = REACH * math.sqrt(2 * len(columns)) / BOX
    return MaternKernel(
        nu=2.5,
        ard_num_dims=len(columns),
        active_dims=tuple(columns),
        lengthscale_prior=LogNormalPrior(math.log(median), SURE),
        lengthscale_constraint=GreaterThan(SHORTEST, initial_value=median),
    )
