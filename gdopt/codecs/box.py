"""Parameters as the columns of a box: scaled numbers, and one-hot blocks of choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gdopt.codecs.base import SCANNED
from gdopt.codecs.columns import (
    SQRT_3,
    Block,
    as_array,
    as_params,
    blocks_of,
    decode_value,
    encode_value,
    random_columns,
    slope_of,
    width_of,
)
from gdopt.codecs.points import sobol_points, uniform_points
from gdopt.codecs.polytope import Polytope
from gdopt.diffusion.closed_form import BoxDenoiser
from gdopt.diffusion.denoiser import Denoiser
from gdopt.errors import SpaceError
from gdopt.randomness import seed_from
from gdopt.space.enumeration import Designs, all_designs
from gdopt.space.parameters import Choice, Integer, Parameter, Params, Real, Value, conditions
from gdopt.space.space import Space, check_gradient

__all__ = ["BoxCodec"]


@dataclass(frozen=True)
class BoxCodec:
    """Bounds at ±√3 (on a logarithmic scale for `log_scale`), choices as one-hot columns, ordered choices as equal
    steps.

    Letters at each position of a sequence are encoded like categories. The columns of an inactive parameter are at
    the mean of its range, so that designs with equal active parameters are one point; `decode` leaves it out.

    Where z violates a linear constraint, `decode` projects the numbers onto the equalities and moves them towards the
    centre of the feasible set until all constraints hold. Then whole numbers are rounded, and the other numbers restore
    the equalities. A constraint may still fail: callers drop designs that `Space.allows` refuses.

    Args:
        space: of the designs.
        fixed: parameters that are always decoded to these values.

    Example:
        >>> from gdopt import Choice, Real, Space
        >>> codec = BoxCodec(Space([Real("x", 0, 1), Choice("base", ["A", "B"])]))
        >>> codec.dim
        3
        >>> codec.decode(codec.encode([{"x": 0.25, "base": "B"}]))
        [{'x': 0.25, 'base': 'B'}]

    Raises:
        SpaceError: the constraints leave nothing to try, a fixed value is not in the space, or a parameter is a
            molecule or a sequence of any length.
    """

    space: Space
    fixed: Params = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parameter in self.space.parameters:
            width_of(parameter)
        self.space.check_some(self.fixed)
        if self.space.constraints:
            _ = self._polytope

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        return sum(width_of(p) for p in self.space.parameters)

    @property
    def blocks(self) -> list[Block]:
        """The discrete parameters that are not fixed: choices, letters, and whole numbers of a few values."""
        return [block for p, at in self._places if p.name not in self.fixed for block in blocks_of(p, at.start)]

    @property
    def categories(self) -> list[Block]:
        """The choices without an order and the letters, fixed or not."""
        return [block for p, at in self._places for block in blocks_of(p, at.start) if block.nominal]

    @property
    def discrete(self) -> tuple[str, ...]:
        """The names of discrete parameters, fixed or not."""
        return tuple(p.name for p, at in self._places if blocks_of(p, at.start))

    @property
    def inpainting_mask(self) -> Bool[Tensor, " d"]:
        """The columns of discrete and fixed parameters."""
        found = torch.zeros(self.dim, dtype=torch.bool)
        for p, at in self._places:
            found[at] = p.name in self.fixed or bool(blocks_of(p, at.start))
        return found

    @property
    def continuous(self) -> Bool[Tensor, " d"]:
        """The columns of real numbers that are not fixed."""
        found = torch.zeros(self.dim, dtype=torch.bool)
        for p, at in self._places:
            found[at] = isinstance(p, Real) and p.name not in self.fixed
        return found

    @property
    def always_active(self) -> Bool[Tensor, " d"]:
        """The columns of unconditional parameters."""
        found = torch.ones(self.dim, dtype=torch.bool)
        for p, at in self._places:
            found[at] = not conditions(p)
        return found

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given parameters."""
        return torch.tensor(list(map(self._row, params)), dtype=torch.float64).reshape(len(params), self.dim)

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """The nearest designs within the bounds, moved towards the feasible centre if a constraint is violated."""
        return [self._feasible(self._active_only(self._nearest(row))) for row in z.tolist()]

    def encode_array(self, designs: Float[Tensor, "n D"]) -> Float[Tensor, "n d"]:
        """The z of each row of an array of designs, as `as_array` has them."""
        return self.encode(as_params(self.space, designs))

    def decode_array(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n D"]:
        """The designs of each row of z as an array."""
        return as_array(self.space, self.decode(z))

    def with_defaults_for_inactive(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """z with the columns of inactive parameters set to the values that `encode` gives them; differentiable."""
        return torch.where(self._active_columns(z.detach()), z, self._rest) if self._conditional else z

    def impute_inactive(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Encoded designs, best first, with values for inactive parameters.

        An inactive parameter gets its value in a random one of the better half of the rows in which it is active, or a
        random value without such rows; fixed parameters have their fixed values.
        """
        z = z.clone()
        if self._conditional:
            # Not by the fixed values, beside which the designs were not tried.
            counts = BoxCodec(self.space)._active_columns(z)
            for p, at in self._places:
                gaps = ~counts[:, at.start]
                if not gaps.any():
                    continue
                own = z[~gaps][:, at]
                own = own[: (len(own) + 1) // 2] if len(own) else random_columns(p, len(z), generator)
                z[gaps, at] = own[torch.randint(len(own), (int(gaps.sum()),), generator=generator)]
        for p, at in self._places:
            if p.name in self.fixed:
                z[:, at] = torch.tensor(encode_value(p, self.fixed[p.name]), dtype=torch.float64)
        return z

    def all_designs(self) -> Designs | None:
        """All designs that may be proposed, one by one; None if they are infinitely many."""
        return all_designs(self.space, self._given)

    def decode_unseen(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """`decode`: the caller drops known designs."""
        del known
        return self.decode(z)

    def gradient_to_z(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """The gradient with respect to z; 0 in the columns of choices and inactive parameters."""
        check_gradient(self.space, gradient)
        slopes: list[float] = []
        for p in self.space.parameters:
            # An inactive parameter has no value and no slope.
            if isinstance(p, Real | Integer) and p.name in params:
                slopes.append(gradient.get(p.name, 0.0) * slope_of(p, float(params[p.name])))
            else:
                slopes += [0.0] * width_of(p)
        return torch.tensor(slopes, dtype=torch.float64)

    def untried(self, known: Sequence[Params], n: int, generator: torch.Generator) -> list[Params] | None:
        """None: the designs are not listed."""
        return None

    def initial(self, seed: int, skip: int, n: int) -> list[Params]:
        """n points of a Sobol sequence, after the first `skip`; with constraints, draws of the feasible set.

        Rounded whole numbers can violate a constraint; such points are skipped. If all of the first ones are skipped,
        the constraints are checked for any feasible whole numbers.

        Raises:
            SpaceError: too few points of the box satisfy the constraints.
        """
        space = self.space
        if not space.constraints and all(isinstance(p, Real | Integer | Choice) for p in space.parameters):
            return self.decode(sobol_points(self.dim, seed, skip, n))
        feasible: list[Params] = []
        wanted = skip + n
        for chunk in range(CHUNKS):
            z = sobol_points(self.dim, seed, chunk * wanted, wanted)
            if space.constraints:
                z = self._constrained(z, seed + chunk)
            feasible += [p for p in self.decode(z) if space.allows(p)]
            if len(feasible) >= wanted:
                return feasible[skip:wanted]
            if not feasible and chunk == 0 and self.impossible:
                raise SpaceError(f"{_few(space, 0, wanted)}: no whole numbers do")
        raise SpaceError(_few(space, len(feasible), CHUNKS * wanted))

    def random(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n draws of the uniform distribution on the box, or on its part that the constraints leave."""
        z = uniform_points(self.dim, n, generator)
        if not self.space.constraints:
            return z
        return self.impute_inactive(self._constrained(z, seed_from(generator)), generator)

    def scan(self, n: int, generator: torch.Generator) -> Float[Tensor, "m d"]:
        """Uniform points of the box with a random category in each block, `SCANNED` at least."""
        z = uniform_points(self.dim, max(SCANNED, n), generator)
        for block in self.blocks:
            alike = torch.ones(len(block.points), dtype=torch.float64)
            z[:, block.columns] = block.points[torch.multinomial(alike, len(z), replacement=True, generator=generator)]
        return z

    def base_denoiser(self, elite: Float[Tensor, "e d"], generator: torch.Generator) -> Denoiser:
        """The denoiser of the uniform distribution on the box."""
        del elite, generator
        edge = torch.full((self.dim,), SQRT_3, dtype=torch.float64)
        return BoxDenoiser(-edge, edge)

    def _constrained(self, z: Float[Tensor, "n d"], seed: int) -> Float[Tensor, "n d"]:
        """Rows of z with numbers drawn anew from the feasible set."""
        numbers = self.allowed(len(z), seed)
        return self.encode([{**one, **drawn} for one, drawn in zip(self.decode(z), numbers, strict=True)])

    def allowed(self, n: int, seed: int) -> list[dict[str, float]]:
        """n draws of the numbers, uniform over the feasible set, by BoTorch's hit-and-run sampler.

        Whole numbers are not rounded. More draws of one seed begin with the same ones.
        """
        return self._polytope.draws(n, seed)

    @property
    def impossible(self) -> bool:
        """Whether no whole numbers satisfy the constraints, by proof, although other numbers do."""
        return bool(self._whole) and self._polytope.empty(self._whole)

    def _row(self, params: Params) -> list[float]:
        resting = {*self.space.names}.difference(self.space.active(params)) if self._conditional else ()
        return [
            v
            for p, at in self._places
            for v in (self._rest[at].tolist() if p.name in resting else encode_value(p, params[p.name]))
        ]

    def _nearest(self, row: Sequence[float]) -> dict[str, Value]:
        """The nearest value of every parameter, inactive ones included."""
        return {p.name: self._given.get(p.name, decode_value(p, row[at])) for p, at in self._places}

    def _active_only(self, params: dict[str, Value]) -> dict[str, Value]:
        return {name: params[name] for name in self.space.active(params)} if self._conditional else params

    def _active_columns(self, z: Float[Tensor, "n d"]) -> Bool[Tensor, "n d"]:
        """Which columns of each row are active."""
        parents = {name for p in self.space.parameters for name, _ in conditions(p)}
        deciding = torch.tensor([p.name in parents for p, at in self._places for _ in range(at.start, at.stop)])
        # Once for all rows with the same parents: of thousands of rows few differ.
        kinds, which = torch.where(deciding, z, 0.0).unique(dim=0, return_inverse=True)
        active = [self.space.active(self._nearest(row)) for row in kinds.tolist()]
        columns = [p.name for p, at in self._places for _ in range(at.start, at.stop)]
        counts = torch.tensor([[name in one for name in columns] for one in active], dtype=torch.bool)
        return counts.reshape(-1, self.dim)[which]

    def _feasible(self, params: dict[str, Value]) -> Params:
        if self.space.constraints and not self.space.allows(params):
            self._put(params, self._polytope.within(self._numbers(params)))
            if self._whole and not self.space.allows(params):
                self._put(params, self._polytope.balanced(self._numbers(params), {*self._whole, *self.fixed}))
        return params

    def _numbers(self, params: Params) -> dict[str, float]:
        return {n: float(params[n]) for n in self._polytope.names}

    def _put(self, params: dict[str, Value], found: Mapping[str, float]) -> None:
        """Set the numbers, whole ones rounded; given values stay."""
        for name, value in found.items():
            if name not in self._given:
                params[name] = round(value) if name in self._whole else value

    @cached_property
    def _conditional(self) -> bool:
        """Whether the space has conditional parameters; read for every row."""
        return self.space.conditional

    @cached_property
    def _given(self) -> Params:
        """The fixed values, and numbers with a single feasible value."""
        if not self.space.constraints:
            return self.fixed
        single = self._polytope.single
        return {n: round(v) if n in self._whole else v for n, v in single.items()} | dict(self.fixed)

    @cached_property
    def _whole(self) -> frozenset[str]:
        """The whole numbers."""
        return frozenset(p.name for p in self.space.parameters if isinstance(p, Integer))

    @cached_property
    def _places(self) -> list[tuple[Parameter, slice]]:
        """The parameters, each with its columns."""
        ends = list(accumulate(map(width_of, self.space.parameters), initial=0))
        return [(p, slice(*ends[i : i + 2])) for i, p in enumerate(self.space.parameters)]

    @cached_property
    def _rest(self) -> Float[Tensor, " d"]:
        """The values of inactive columns: the mean of a range, and of one-hot categories."""
        means = [0.0 if at.stop - at.start == 1 else SQRT_3 * (2 / (at.stop - at.start) - 1) for _, at in self._places]
        widths = torch.tensor([at.stop - at.start for _, at in self._places])
        return torch.tensor(means, dtype=torch.float64).repeat_interleave(widths)

    @cached_property
    def _polytope(self) -> Polytope:
        # Constraints are on unconditional parameters only.
        numbers = [p for p in self.space.parameters if isinstance(p, Real | Integer) and not conditions(p)]
        return Polytope.of(
            numbers,
            self.space.constraints,
            {n: float(v) for n, v in self.fixed.items() if n in {p.name for p in numbers}},
        )


# A space of which less than one point in this many is feasible is refused.
CHUNKS = 100


def _few(space: Space, feasible: int, points: int) -> str:
    constraints = "; ".join(map(str, space.constraints))
    return f"only {feasible} of {points} points of the box satisfy the constraints {constraints}"
