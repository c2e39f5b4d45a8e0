"""Linear constraints on numeric parameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import SupportsFloat

from gdopt.arguments import assign, number, shown, text
from gdopt.errors import SpaceError
from gdopt.space.parameters import Params

__all__ = ["SLACK", "Constraint"]

# Rounding of a sum of products may exceed a bound by this share of the terms' size.
SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Constraint:
    """A linear constraint Σ cᵢ xᵢ ≤ upper, or Σ cᵢ xᵢ = equal, in the units of the parameters.

    Args:
        coefficients: cᵢ of `Real` and `Integer` parameters, by name.
        upper: the upper bound of the sum.
        equal: the value of the sum, in place of `upper`, such as 1 for the shares of a mixture.

    Raises:
        SpaceError: a coefficient or the bound is not finite, or not exactly one of `upper` and `equal` is given.

    Example:
        >>> print(Constraint({"a": 1, "b": 2}, 1))
        a + 2 b <= 1
    """

    coefficients: tuple[tuple[str, float], ...]
    bound: float
    equality: bool

    def __init__(
        self,
        coefficients: Mapping[str, SupportsFloat],
        upper: SupportsFloat | None = None,
        equal: SupportsFloat | None = None,
    ) -> None:
        if not isinstance(coefficients, Mapping):
            raise SpaceError(
                f"a constraint takes coefficients by the names of parameters, got {shown(coefficients)}; expected such "
                'as Constraint({"a": 1, "b": 1}, 1)'
            )
        if (upper is None) == (equal is None):
            raise SpaceError(
                f"a constraint needs either upper or equal, got upper = {shown(upper)} and equal = {shown(equal)}"
            )
        given = equal if upper is None else upper
        terms = [(text(name), number(one)) for name, one in coefficients.items()]
        bound = number(given)
        if not terms or not all(name is not None and _is_finite(one) for name, one in (*terms, ("", bound))):
            sign = "=" if upper is None else "<="
            raise SpaceError(
                f"a constraint needs finite coefficients and bound, got {shown(dict(coefficients))} {sign} "
                f"{shown(given)}"
            )
        assign(self, coefficients=tuple(terms), bound=bound, equality=upper is None)

    def __str__(self) -> str:
        sign = "=" if self.equality else "<="
        terms = [n if c == 1 else f"{c:g} {n}" for n, c in self.coefficients]
        return f"{' + '.join(terms)} {sign} {self.bound:g}"

    def check(self, params: Params, share: float = SLACK) -> None:
        """Raise `SpaceError` unless the parameters satisfy the constraint, up to a share of the size of its terms."""
        terms = [c * float(params[name]) for name, c in self.coefficients]
        slack = share * (abs(self.bound) + sum(map(abs, terms)))
        beyond = sum(terms) - self.bound
        if (abs(beyond) if self.equality else beyond) > slack:
            raise SpaceError(f"{self} does not hold: the left side is {sum(terms):g}")


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
