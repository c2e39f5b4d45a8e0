"""Between the rows of a table of candidates and the coordinates of their descriptors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.codecs.base import ContinuousCodec
from gdopt.codecs.nearest import nearest
from gdopt.diffusion.closed_form import MixtureDenoiser
from gdopt.errors import SpaceError
from gdopt.space.enumeration import Designs
from gdopt.space.parameters import Params, TableRow
from gdopt.space.space import Space, check_gradient
from gdopt.space.table import Table

__all__ = ["TableCodec", "has_table"]

# Rows that a candidate may be taken for: those nearest to it that are free.
NEAR = 16
# Rows of a large table that a surrogate ranks: as many as a second allows; no other row can be proposed.
ROWS_SCANNED = 100_000
# Rows near each of the elite, and random ones, in the base distribution.
ABOUT, ANYWHERE = 64, 2048


def has_table(space: Space) -> bool:
    """Whether it is a table of candidates that is searched."""
    return any(isinstance(p, TableRow) for p in space.parameters)


@dataclass(frozen=True)
class TableCodec(ContinuousCodec):
    """z are the whitened descriptors of a row; any z stands for the row nearest to it.

    Args:
        space: of one `Candidate`.
        fixed: parameters that all designs are to have: none, as the row is all that there is.

    Raises:
        SpaceError: there are other parameters, something is fixed, or the table is not at hand.
    """

    space: Space
    fixed: Params

    def __post_init__(self) -> None:
        if len(self.space.parameters) > 1:
            raise SpaceError(f"a table of candidates cannot be searched beside other parameters: {self.space.names}")
        if self.fixed:
            raise SpaceError(f"{self.name} cannot be fixed: make a table of the rows that may be tried")
        _ = self.table

    @property
    def name(self) -> str:
        """What the id is called."""
        return self.space.names[0]

    @property
    def table(self) -> Table:
        """The rows."""
        found = getattr(self.space.parameters[0], "table", None)
        if not isinstance(found, Table):
            raise SpaceError(f"{self.name}: the table of its rows is not at hand")
        return found

    @property
    def dim(self) -> int:
        """The number of columns of z."""
        return self.table.z.shape[1]

    def encode(self, params: Sequence[Params]) -> Float[Tensor, "n d"]:
        """The z of each of the given rows."""
        return self.z([*self.places(params)])

    def z(self, places: Sequence[int] | Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """The z of the rows of these places."""
        return self.table.z[torch.as_tensor(places, dtype=torch.long)].double()

    def places(self, params: Sequence[Params]) -> list[int]:
        """The places of the given rows, from 0."""
        found = [place for one in params if (place := self.table.place(one[self.name])) is not None]
        assert len(found) == len(params)
        return found

    def params(self, places: Sequence[int]) -> list[Params]:
        """The rows of these places, by their ids."""
        return [{self.name: self.table.id(place)} for place in places]

    def all_designs(self) -> Designs | None:
        """Each row, in the order of the table."""
        return (one for place in range(len(self.table)) for one in self.params([place]))

    def decode(self, z: Float[Tensor, "n d"]) -> list[Params]:
        """The row nearest to each row of z."""
        return self.params(nearest(self.table.z, z, 1).flatten().tolist())

    def decode_unseen(self, z: Float[Tensor, "n d"], known: Sequence[Params]) -> list[Params]:
        """A row that is near each row of z and is not known, each once where one of the nearest is left.

        In the order of z each takes the nearest that none before it took.
        """
        tried = self._once(known)
        if len(tried) >= len(self.table):
            return self.decode(z)
        near = nearest(self.table.z, z, NEAR, tried)
        taken: set[int] = set()
        places: list[int] = []
        for choices in near.tolist():
            places.append(next((place for place in choices if place not in taken), choices[0]))
            taken.add(places[-1])
        return self.params(places)

    def gradient_to_z(self, params: Params, gradient: Mapping[str, float]) -> Float[Tensor, " d"]:
        """Raises `ResultError`, as nothing has a derivative by the id of a row."""
        del params
        check_gradient(self.space, gradient)
        return torch.zeros(self.dim, dtype=torch.float64)

    def _once(self, params: Sequence[Params]) -> list[int]:
        return [*dict.fromkeys(self.places(params))]

    def untried(self, known: Sequence[Params], n: int, generator: torch.Generator) -> list[Params]:
        """n random rows that are not known; all of them, if there are fewer."""
        free = torch.ones(len(self.table), dtype=torch.bool)
        free[self._once(known)] = False
        order = torch.randperm(len(self.table), generator=generator)
        return self.params(order[free[order]][:n].tolist())

    def scan(self, n: int, generator: torch.Generator) -> Float[Tensor, "m d"]:
        """The z of random rows, `ROWS_SCANNED` or n of them if that is more, or all rows."""
        return self.random(max(ROWS_SCANNED, n), generator)

    def random(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The z of n random rows, or of all rows."""
        return self.z(torch.randperm(len(self.table), generator=generator)[:n])

    def base_denoiser(self, elite: Float[Tensor, "e d"], generator: torch.Generator) -> MixtureDenoiser:
        """The exact denoiser of the rows: the distribution of a table is known, so nothing is trained.

        Of a large table, all rows near the elite, and random other rows weighted for all others.
        """
        count = len(self.table)
        if count <= 2 * ANYWHERE:
            places, weights = torch.arange(count), torch.ones(count, dtype=torch.float64)
        else:
            about = nearest(self.table.z, elite, ABOUT).unique()
            left = torch.ones(count, dtype=torch.bool)
            left[about] = False
            others = torch.randperm(count, generator=generator)
            others = others[left[others]][:ANYWHERE]
            places = torch.cat([about, others])
            weights = torch.ones(len(places), dtype=torch.float64)
            weights[len(about) :] = (count - len(about)) / len(others)
        return MixtureDenoiser(self.z(places), weights / weights.sum(), torch.zeros_like(weights))
