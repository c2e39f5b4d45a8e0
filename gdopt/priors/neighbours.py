"""Distances between designs: dimension, copies, clusters."""

import math

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors, kneighbors_graph

from gdopt.priors.weights import effective_size

__all__ = [
    "FEWEST",
    "GROUP",
    "MOST",
    "REACH",
    "STREAM",
    "cluster_sizes",
    "distances_to_nearest",
    "intrinsic_dimension",
    "participation_ratio",
    "share_of_copies",
    "share_within",
]

# The neighbour whose distance is a design's reach (Kynkäänniemi et al. 2019 take the third).
REACH = 3
# A draw is a copy if its nearest design is nearer than this share of the second nearest (Yoon et al. 2023).
COPY = 1 / 3
# The share of the largest ratios of neighbours' distances that the intrinsic dimension leaves out (Facco et al. 2017).
TAIL = 0.1
# Of n rows on a line the widest gap by chance is log n times the usual one: links to 3 log n neighbours bridge it, and
# whatever gaps there are by chance in more dimensions. A smaller share of the rows is no group.
LINKS, GROUP = 3, 0.05
# Designs and draws that are needed for any of this; designs whose parameters are compared, at most; and the stream that
# draws weighted ones anew.
FEWEST, MOST, STREAM = 10, 5000, 0


def participation_ratio(variances: Float[np.ndarray, " d"]) -> float:
    """(Σλ)²/Σλ²: d for equal variances, 1 where one direction has them all."""
    return effective_size(variances)


def intrinsic_dimension(rows: Float[np.ndarray, "n d"]) -> float:
    """The dimension of what the rows lie on, by the ratios of the distances to their two nearest (Facco et al. 2017).

    On a d-dimensional set μ = r₂/r₁ has the distribution F = 1 - μ^(-d) whatever the density: d is the slope of
    -log(1 - F) over log μ through the origin, the largest tenth of the ratios left out. 0 where rows are equal.
    """
    distances = distances_to_nearest(rows, rows, 3)[:, 1:]
    distances = distances[distances[:, 0] > 0]
    if len(distances) < FEWEST:
        return 0.0
    ratios = np.sort(np.log(distances[:, 1] / distances[:, 0]))
    below = np.arange(1, len(ratios) + 1) / len(ratios)
    kept = slice(int((1 - TAIL) * len(ratios)))
    x, y = ratios[kept], -np.log1p(-below[kept])
    return float(x @ y / (x @ x)) if x.any() else 0.0


def distances_to_nearest(
    rows: Float[np.ndarray, "n d"], of: Float[np.ndarray, "m d"], k: int
) -> Float[np.ndarray, "m k"]:
    """The distances to the k nearest rows; the first is 0 where `of` is one of them. Of no coordinates all are 0."""
    if not rows.shape[1]:
        return np.zeros((len(of), k))
    distances: np.ndarray = NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(of)[0]
    return distances


def share_within(some: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> float:
    """The share of rows that are nearer to one of the others than its third nearest neighbour is."""
    reach = distances_to_nearest(others, others, REACH + 1)[:, REACH]
    return float((cdist(some, others) <= reach).any(1).mean())


def share_of_copies(nearest: Float[np.ndarray, "n 2"]) -> float:
    """The share of rows whose nearest neighbour is much nearer than the second one."""
    return float((nearest[:, 0] < COPY * nearest[:, 1]).mean())


def cluster_sizes(rows: Float[np.ndarray, "n d"]) -> list[float]:
    """The shares of the rows in groups that nothing connects, the largest first; tiny ones are none."""
    links = math.ceil(LINKS * math.log(len(rows)))
    graph = kneighbors_graph(rows, min(links, len(rows) - 1))
    _, labels = connected_components(graph, directed=False)
    shares = np.sort(np.bincount(labels) / len(rows))[::-1]
    return [float(one) for one in shares if one >= GROUP]
