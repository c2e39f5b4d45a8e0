"""What linear constraints allow of some numbers: its centre, its nearest point on a ray, draws, whole numbers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from botorch.utils.sampling import sample_polytope
from jaxtyping import Float
from scipy.linalg import null_space
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from gdopt.errors import SpaceError
from gdopt.space import Constraint, Integer, Real

__all__ = ["Polytope"]

# Of hit-and-run: steps before the first draw, and from one draw to the next. An odd number of them: BoTorch takes its
# directions from a Sobol sequence, of which every 32nd is not spread evenly.
BURN_IN, THINNING = 1000, 33
# Below this length a direction within the set is rounding.
PARALLEL = 1e-9
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
        equal: E and e, fixed numbers among them.
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
            SpaceError: nothing, or, where nothing is equal, no more than a border.
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
        centre = _centre(a, b, e, ends)
        if centre is None:
            named = "; ".join([*map(str, constraints), *(f"{n} = {v:g}" for n, v in fixed.items())])
            raise SpaceError(f"no parameters within the bounds satisfy the constraints {named}")
        return cls(names, low, width, (a, b), (e, ends), centre)

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
        outward = rise > 0
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
        free = null_space(self.equal[0]) if len(self.equal[0]) else np.eye(len(self.names))
        if not free.shape[1]:
            return [self._named(self.centre)] * n
        a, b = self.above
        sides = a @ free
        bounding = np.linalg.norm(sides, axis=1) > PARALLEL
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
        return dict(zip(self.names, values.tolist(), strict=True))


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
) -> Float[np.ndarray, " k"] | None:
    """The Chebyshev centre of {E u = e, A u <= b}: farthest from all sides A u = b, within E u = e; None for no set.

    Sides that E u = e lies along, as those of a fixed number, have no distance.
    """
    within = a - a @ np.linalg.pinv(e) @ e if len(e) else a
    lengths = np.linalg.norm(within, axis=1)
    lengths[lengths < PARALLEL] = 0.0
    solved = linprog(
        np.r_[np.zeros(a.shape[1]), -1.0],
        A_ub=np.hstack([a, lengths[:, None]]),
        b_ub=b,
        A_eq=np.hstack([e, np.zeros((len(e), 1))]) if len(e) else None,
        b_eq=ends if len(e) else None,
        bounds=[(None, None)] * a.shape[1] + [(0, 1)],
    )
    if not solved.success or (solved.x[-1] <= 0 and lengths.any()):
        return None
    centre: Float[np.ndarray, " k"] = solved.x[:-1]
    return centre
