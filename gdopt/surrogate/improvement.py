"""How much of an improvement a surrogate's prediction promises."""

from botorch.acquisition.analytic import _log_ei_helper  # what is public around it takes a model
from jaxtyping import Float
from torch import Tensor

__all__ = ["log_expected_improvement"]


def log_expected_improvement(
    mean: Float[Tensor, " n"], variance: Float[Tensor, " n"], incumbent: float | Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """log E[(f - incumbent)₊] of normal f, finite however unlikely an improvement is; differentiable.

    The LogEI of Ament et al. 2023 (arXiv 2310.20708).
    """
    std = variance.sqrt()
    found: Tensor = std.log() + _log_ei_helper((mean - incumbent) / std)
    return found
