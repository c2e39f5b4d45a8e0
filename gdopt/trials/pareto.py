"""Several objectives: what is not dominated, and how much it dominates. Values are higher the better, `n x m`."""

import torch
from botorch.utils.multi_objective.box_decompositions.dominated import DominatedPartitioning
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from jaxtyping import Bool, Float
from torch import Tensor

from gdopt.trials.objectives import OptimizationConfig

__all__ = ["crowding_distance", "hypervolume", "is_pareto_optimal", "non_dominated_layers", "reference_point"]


def is_pareto_optimal(values: Float[Tensor, "n m"]) -> Bool[Tensor, " n"]:
    """Which rows no other row dominates: as good in all objectives and better in one. Of equal rows, all."""
    found: Tensor = is_non_dominated(values, deduplicate=False)
    return found


def non_dominated_layers(values: Float[Tensor, "n m"]) -> list[int]:
    """The layer of each row: 0 of what is not dominated, 1 of what is not once those are gone, and so on."""
    found = torch.full((len(values),), -1)
    layer = 0
    while (left := (found < 0).nonzero().flatten()).numel():
        found[left[is_pareto_optimal(values[left])]] = layer
        layer += 1
    return found.tolist()


def crowding_distance(values: Float[Tensor, "n m"]) -> Float[Tensor, " n"]:
    """How far apart each row's neighbours are, summed over the objectives, each in units of its range (NSGA-II).

    Deb et al. 2002, IEEE Trans. Evol. Comput. 6, section III-B. The ends of each objective are infinitely far.
    """
    found = values.new_zeros(len(values))
    for column in values.T:
        order = column.argsort()
        gaps = torch.full_like(column, torch.inf)
        width = column[order[-1]] - column[order[0]]
        if width > 0:
            gaps[order[1:-1]] = (column[order[2:]] - column[order[:-2]]) / width
        found += gaps
    return found


def reference_point(goals: OptimizationConfig, values: Float[Tensor, "n m"]) -> Float[Tensor, " m"]:
    """The point that the hypervolume is measured from: as it was given, else a tenth of the front's range below it.

    What is inferred is BoTorch's `infer_reference_point`: the front's worst values, less a tenth of its range
    (Ishibuchi et al. 2011). Equal rows are one point; an objective in which the whole front is equal has no range, and
    as of a front of one point the reference is a tenth of its size below.
    """
    given = [None if one.reference is None else one.sign * one.reference for one in goals.objectives]
    if None not in given:
        return torch.tensor(given).to(values)
    best = values[is_pareto_optimal(values)].unique(dim=0)
    ranged = best.amax(0) > best.amin(0)
    inferred = torch.where(ranged, infer_reference_point(best), infer_reference_point(best[:1]))
    return torch.tensor([i if g is None else g for g, i in zip(given, inferred.tolist(), strict=True)]).to(values)


def hypervolume(values: Float[Tensor, "n m"], reference: Float[Tensor, " m"]) -> float:
    """The volume that the rows dominate and that dominates the reference."""
    if not len(values):
        return 0.0
    return float(DominatedPartitioning(ref_point=reference, Y=values).compute_hypervolume())
