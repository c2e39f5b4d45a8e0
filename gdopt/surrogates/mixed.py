"""A Gaussian process of numbers and categories together, each category seen as one thing and not as its columns.

Its covariance is that of BoTorch's MixedSingleTaskGP,

    k = s (k_num + t k_cat) + u k_num k_cat,    k_cat = exp(-mean_j [level_j differs] / l_j)

with k_num Matérn-5/2; but over one-hot columns, where [levels differ] is the squared distance of two levels' columns in
units of its value between two levels: so it has a gradient, and guidance can use it.

A screen has a few dozen results for as many levels, which alone do not say how alike these are: by the likelihood
alone categories count either for nothing or for everything. Every length scale and every part's share therefore has a
log-normal prior of its own, where MixedSingleTaskGP has one for the numbers only, and a wide one.
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

# As BoTorch's MixedSingleTaskGP has it, against length scales that vanish.
SHORTEST = 1e-6
# The median length scale: two designs alike in nothing correlate by 1/e.
MEDIAN = 1.0
# The same of numbers, in root mean square distances of two draws of the box: moderate, so that what is measured at one
# temperature says something of all others.
REACH = 2.0
# The deviation of the logarithm of a length scale, of categories and of numbers.
SURE = 0.5
# The logarithms of s and u before anything is known: numbers, categories and their product count about alike.
ADDED, PRODUCT = -1.0, -1.0


class Categories(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """exp(-mean_j d_j / l_j), d_j the squared distance in the columns of category j, 1 between two of its levels.

    Args:
        columns: of each category.
        apart: the squared distance between the columns of two levels.
    """

    def __init__(self, columns: Sequence[slice], apart: float) -> None:
        super().__init__()
        self.apart = apart
        self.columns = torch.cat([torch.arange(one.start, one.stop) for one in columns])
        self.category = torch.cat([torch.full((one.stop - one.start,), j) for j, one in enumerate(columns)])
        # No `lengthscale` of gpytorch's, which wants one for each column.
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
    """A Gaussian process through warped values y at z; see `gdopt.surrogates.gp.fit`.

    Args:
        categories: the columns of each, of rows of z; all other columns are numbers.
        apart: the squared distance between two levels, in z.
        z: where values are known.
        y: warped values, of about unit variance.
        variance: of the noise of each y, as far as it is known; 0 is allowed.
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
