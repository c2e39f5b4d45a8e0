"""Pareto fronts, non-dominated layers, crowding distances and hypervolumes of several objectives.

Values are rows of m numbers, a row for each trial and a column for each objective; higher is better in every column.
They are plain Python: NumPy would be half of the time in which a program that records results starts.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from gdopt.trials.objectives import OptimizationConfig

__all__ = ["Row", "crowding_distance", "hypervolume", "is_pareto_optimal", "non_dominated_layers", "reference_point"]

Row = tuple[float, ...]


def is_pareto_optimal(values: Sequence[Row]) -> list[bool]:
    """True for each row that no other row dominates: no other is as good in all objectives and better in one.

    Equal rows do not dominate each other.

    Example:
        >>> is_pareto_optimal([(1.0, 2.0), (2.0, 1.0), (0.0, 0.0)])
        [True, True, False]
    """
    return [layer == 0 for layer in non_dominated_layers(values)]


def non_dominated_layers(values: Sequence[Row]) -> list[int]:
    """The layer of each row: 0 for the Pareto front, 1 for the front of the remaining rows, and so on.

    Example:
        >>> non_dominated_layers([(1.0, 2.0), (2.0, 1.0), (0.0, 0.0)])
        [0, 0, 1]
    """
    found = [0] * len(values)
    layers: list[list[Row]] = []
    # In descending order every row comes after the rows that dominate it.
    for i in sorted(range(len(values)), key=lambda i: values[i], reverse=True):
        # A row that one layer dominates is dominated by every layer before it.
        found[i] = bisect_left(layers, True, key=lambda layer: not any(_dominates(row, values[i]) for row in layer))
        if found[i] == len(layers):
            layers.append([])
        layers[found[i]].append(values[i])
    return found


def _dominates(one: Row, other: Row) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def crowding_distance(values: Sequence[Row]) -> list[float]:
    """The distance between the two neighbours of each row, summed over the objectives (NSGA-II).

    Each objective is in units of its range (Deb et al. 2002, IEEE Trans. Evol. Comput. 6, section III-B). The rows at
    the ends of an objective have an infinite distance.

    Example:
        >>> crowding_distance([(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)])
        [inf, 2.0, inf]
    """
    distances = [0.0] * len(values)
    for column in zip(*values, strict=True):
        order = sorted(range(len(column)), key=lambda i: column[i])
        width = column[order[-1]] - column[order[0]]
        gaps = [math.inf] * len(column)
        if width > 0:
            for before, i, after in zip(order, order[1:], order[2:], strict=False):
                gaps[i] = (column[after] - column[before]) / width
        distances = [sum(pair) for pair in zip(distances, gaps, strict=True)]
    return distances


def reference_point(goals: OptimizationConfig, values: Sequence[Row]) -> Row:
    """The reference point of the hypervolume: the given values, and inferred ones for objectives without a given value.

    The inferred point is BoTorch's `infer_reference_point`: the worst values of the Pareto front, less a tenth of its
    range (Ishibuchi et al. 2011). Equal rows are one point. An objective in which all rows of the front are equal has
    no range; its value is then less a tenth of its size, as for a front of one point.
    """
    given = [None if one.reference_point is None else one.sign * one.reference_point for one in goals.objectives]
    if None not in given:
        return tuple(value for value in given if value is not None)
    # Imported here, as in `hypervolume`: BoTorch takes seconds to import, and studies of one objective do not need it.
    import torch
    from botorch.utils.multi_objective.hypervolume import infer_reference_point

    optimal = is_pareto_optimal(values)
    front = sorted({row for row, best in zip(values, optimal, strict=True) if best})
    points = torch.tensor(front, dtype=torch.float64)
    inferred = [
        ranged if max(column) > min(column) else alone
        for column, ranged, alone in zip(
            zip(*front, strict=True),
            infer_reference_point(points).tolist(),
            infer_reference_point(points[:1]).tolist(),
            strict=True,
        )
    ]
    return tuple(i if g is None else g for g, i in zip(given, inferred, strict=True))


def hypervolume(values: Sequence[Row], reference: Row) -> float:
    """The volume of the region that the rows dominate and that dominates the reference point.

    Example:
        >>> hypervolume([(3.0, 1.0), (1.0, 3.0)], (0.0, 0.0))
        5.0
    """
    if not values:
        return 0.0
    import torch
    from botorch.utils.multi_objective.box_decompositions.dominated import DominatedPartitioning

    at, rows = (torch.tensor(numbers, dtype=torch.float64) for numbers in (reference, list(values)))
    return float(DominatedPartitioning(ref_point=at, Y=rows).compute_hypervolume())
