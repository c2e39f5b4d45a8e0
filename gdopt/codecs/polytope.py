"""What linear constraints allow of some numbers: its centre, its nearest point on a ray, draws, whole numbers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from botorch.utils.sampling import sample_polytope
from jaxtyping import Bool, Float
from scipy.linalg import null_space, orth
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from gdopt.errors import SpaceError
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import Integer, Real

__all__ = ["Polytope"]

# Of hit-and-run: steps before the first draw, and from one draw to the next. An odd number of them: BoTorch takes its
# directions from a Sobol sequence, of which every 32nd is not spread evenly.
BURN_IN, THINNING = 1000, 33
# Below this length a direction within the set is rounding.
PARALLEL = 1e-9
# A set thinner than this, in shares of the ranges, is flat: HiGHS satisfies constraints to 1e-7.
FLAT = 1e-7
# What rounding leaves of a constraint that holds.
ROUNDING = 1e-9
# A share that is as near as NEAR to one of so many decimals is that one.
DECIMALS, NEAR = 9, 1e-12
# Of HiGHS: time for a proof, the widest range of whole numbers whose coefficients, divided by it, are none of those
# that it drops as too small, and what SciPy calls its answer that there is nothing.
SECONDS, WIDEST, INFEASIBLE = 1.0, 1e6, 2


@dataclass(frozen=True)
class Polytope:
    """{u in [0, 1]^k: A u <= b, E u = e}, u the numbers as shares of their ranges.

    Args:
        names: of the numbers.
        low: their lower bounds.
        width: of their ranges.
        above: A and b, the bounds of the box among them.
        equal: E and e, fixed numbers and the inequalities that can only hold as equalities among them.
        centre: the point of the set that is farthest from all of its sides.
    """

    names: tuple[str, ...]
    low: Float[np.ndarray, " k"]
    width: Float[np.ndarray, " k"]
    above: tuple[Float[np.ndarray, "p k"], Float[np.ndarray, " p"]]
    equal: tuple[Float[np.ndarray, "q k"], Float[np.ndarray, " q"]]
    centre: Float[np.ndarray, " k"]

    @classmethod
    def of(
        cls, numbers: Sequence[Real | Integer], constraints: Sequence[Constraint], fixed: Mapping[str, float]
    ) -> "Polytope":
        """What the constraints allow of the numbers, some of which are fixed.

        Raises:
            SpaceError: nothing.
        """
        names = tuple(p.name for p in numbers)
        low = np.array([float(p.low) for p in numbers])
        width = np.array([float(p.high) for p in numbers]) - low
        sides = [_row(c, names, low, width) for c in constraints if not c.equality]
        equal = [_row(c, names, low, width) for c in constraints if c.equality]
        eye = np.eye(len(names))
        equal += [(eye[i], (fixed[n] - low[i]) / width[i]) for i, n in enumerate(names) if n in fixed]
        a = np.vstack([*(row for row, _ in sides), eye, -eye])
        b = np.array([*(end for _, end in sides), *np.ones(len(names)), *np.zeros(len(names))])
        e = np.vstack([row for row, _ in equal]) if equal else np.zeros((0, len(names)))
        ends = np.array([end for _, end in equal])
        centre, flat = _centre(a, b, e, ends)
        if centre is not None and flat:
            e, ends = _with_implied(a, b, e, ends, centre)
            centre, _ = _centre(a, b, e, ends)
        if centre is None or (a @ centre - b).max() > ROUNDING:
            named = "; ".join([*map(str, constraints), *(f"{n} = {v:g}" for n, v in fixed.items())])
            raise SpaceError(f"no parameters within the bounds satisfy the constraints {named}")
        return cls(names, low, width, (a, b), (e, ends), centre)

    @cached_property
    def single(self) -> dict[str, float]:
        """The numbers that have the same value in the whole set, with that value."""
        still = np.linalg.norm(self._free, axis=1) < PARALLEL
        # Rounding of a share such as 0 or 0.5 would break a constraint of bound 0, or look odd.
        near = self.centre.round(DECIMALS)
        u = np.where(np.abs(self.centre - near) < NEAR, near, self.centre)
        values = (self.low + self.width * u).tolist()
        return {n: v for n, v, one in zip(self.names, values, still, strict=True) if one}

    @cached_property
    def _free(self) -> Float[np.ndarray, "k m"]:
        """An orthonormal basis of the directions within E u = e."""
        found: Float[np.ndarray, "k m"] = null_space(self.equal[0]) if len(self.equal[0]) else np.eye(len(self.names))
        return found

    @cached_property
    def _bounding(self) -> Bool[np.ndarray, " p"]:
        """Which sides bound the set within E u = e: those that do not lie along it."""
        found: Bool[np.ndarray, " p"] = np.linalg.norm(self.above[0] @ self._free, axis=1) > PARALLEL
        return found

    def within(self, values: Mapping[str, float]) -> dict[str, float]:
        """The values projected onto what is equal, then moved towards the centre until all holds."""
        u = (np.array([values[n] for n in self.names]) - self.low) / self.width
        e, ends = self.equal
        if len(e):
            u = u - np.linalg.lstsq(e, e @ u - ends, rcond=None)[0]
        a, b = self.above
        step = u - self.centre
        rise = a @ step
        room = b - a @ self.centre
        outward = (rise > 0) & self._bounding
        reach = min(1.0, float(np.min(room[outward] / rise[outward], initial=1.0)))
        return self._named(self.centre + max(reach, 0.0) * step)

    def balanced(self, values: Mapping[str, float], held: Collection[str]) -> dict[str, float]:
        """The values with those that are not held moved as little as makes what is equal so; bounds may be left."""
        u = (np.array([values[n] for n in self.names]) - self.low) / self.width
        free = np.array([n not in held for n in self.names])
        e, ends = self.equal
        if len(e) and free.any():
            u[free] -= np.linalg.lstsq(e[:, free], e @ u - ends, rcond=None)[0]
        moved = self.low + self.width * u
        return {n: values[n] if n in held else float(v) for n, v in zip(self.names, moved, strict=True)}

    def empty(self, whole: Collection[str]) -> bool:
        """Whether it is proven that nothing is left where some numbers are whole: by mixed-integer programming (HiGHS).

        Within the solver's tolerance of 1e-6, and a second; what takes longer or has larger ranges is not proven.
        """
        integral = np.array([n in whole for n in self.names])
        # Whole numbers from 0, the others as shares.
        units = np.where(integral, self.width, 1.0)
        if units.max() > WIDEST:
            return False
        (a, b), (e, ends) = self.above, self.equal
        sides = [LinearConstraint(a / units, -np.inf, b)]
        if len(e):
            sides.append(LinearConstraint(e / units, ends, ends))
        solved = milp(
            np.zeros(len(units)),
            integrality=integral.astype(int),
            bounds=Bounds(-np.inf, np.inf),
            constraints=sides,
            options={"time_limit": SECONDS},
        )
        return int(solved.status) == INFEASIBLE

    def draws(self, n: int, seed: int) -> list[dict[str, float]]:
        """n draws of the uniform law on the set, by hit-and-run."""
        free, bounding = self._free, self._bounding
        if not free.shape[1]:
            return [self._named(self.centre)] * n
        a, b = self.above
        sides = a @ free
        steps = sample_polytope(
            torch.from_numpy(sides[bounding]),
            torch.from_numpy((b - a @ self.centre)[bounding, None]),
            torch.zeros(free.shape[1], 1, dtype=torch.float64),
            n=n,
            n0=BURN_IN,
            n_thinning=THINNING,
            seed=seed,
        )
        return [self._named(u) for u in self.centre + steps.numpy() @ free.T]

    def _named(self, u: Float[np.ndarray, " k"]) -> dict[str, float]:
        values = self.low + self.width * u.clip(0.0, 1.0)
        return dict(zip(self.names, values.tolist(), strict=True)) | self.single


def _row(
    constraint: Constraint, names: tuple[str, ...], low: Float[np.ndarray, " k"], width: Float[np.ndarray, " k"]
) -> tuple[Float[np.ndarray, " k"], float]:
    """The coefficients and the bound of u, scaled to length 1."""
    by_name = dict(constraint.coefficients)
    row = np.array([by_name.get(n, 0.0) for n in names])
    scaled, bound = row * width, constraint.bound - float(row @ low)
    length = float(np.linalg.norm(scaled)) or 1.0
    return scaled / length, bound / length


def _centre(
    a: Float[np.ndarray, "p k"], b: Float[np.ndarray, " p"], e: Float[np.ndarray, "q k"], ends: Float[np.ndarray, " q"]
) -> tuple[Float[np.ndarray, " k"] | None, bool]:
    """The Chebyshev centre of {E u = e, A u <= b}, and whether it is on the border, as the whole set is then.

    It is the point that is farthest from all sides A u = b, within E u = e; None for an empty set. Sides that E u = e
    lies along, such as the sides of a fixed number, have no distance.
    """
    within = a - a @ np.linalg.pinv(e) @ e if len(e) else a
    lengths = np.linalg.norm(within, axis=1)
    lengths[lengths < PARALLEL] = 0.0
    solved = _lowest(
        np.r_[np.zeros(a.shape[1]), -1.0],
        (np.hstack([a, lengths[:, None]]), b),
        (np.hstack([e, np.zeros((len(e), 1))]), ends),
        [(None, None)] * a.shape[1] + [(0, 1)],
    )
    if solved is None:
        return None, False
    centre: Float[np.ndarray, " k"] = solved[:-1]
    return centre, bool(lengths.any() and solved[-1] <= FLAT)


def _with_implied(
    a: Float[np.ndarray, "p k"],
    b: Float[np.ndarray, " p"],
    e: Float[np.ndarray, "q k"],
    ends: Float[np.ndarray, " q"],
    point: Float[np.ndarray, " k"],
) -> tuple[Float[np.ndarray, "r k"], Float[np.ndarray, " r"]]:
    """The equalities of a flat set of which a point is known, with the inequalities that only hold as equalities.

    A side that touches the point is one if no point of the set is away from it.
    """
    implied = [e]
    for side, end in zip(a, b, strict=True):
        if end - side @ point <= FLAT:
            farthest = _lowest(side, (a, b), (e, ends), (None, None))
            if farthest is not None and end - side @ farthest <= FLAT:
                implied.append(side[None])
    # Rows that say the same would contradict each other by their rounding.
    independent = orth(np.vstack(implied).T).T
    return independent, independent @ point


def _lowest(
    slope: Float[np.ndarray, " k"],
    above: tuple[Float[np.ndarray, "p k"], Float[np.ndarray, " p"]],
    equal: tuple[Float[np.ndarray, "q k"], Float[np.ndarray, " q"]],
    bounds: Any,
) -> Float[np.ndarray, " k"] | None:
    """Where the slope is lowest within {E u = e, A u <= b} and SciPy's bounds; None for an empty set."""
    (e, ends) = equal if len(equal[0]) else (None, None)
    solved = linprog(slope, *above, e, ends, bounds)
    return solved.x if solved.success else None
