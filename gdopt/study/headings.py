"""The headings of a study's tables: of its frame, of exports and of plates, each once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["RESERVED", "Headings", "headings"]

# The other columns of such a table; sem is the standard error of the objective.
RESERVED = ("id", "round", "status", "source", "sem", "feasible", "outside", "worker", "reason", "note")


@dataclass(frozen=True)
class Headings:
    """The heading of each column, by name.

    The name of another column comes after "outcomes.", "params." or "table.".

    Args:
        outcomes: of each outcome.
        params: of each parameter.
        annotations: of each annotation of the space.
    """

    outcomes: Mapping[str, str]
    params: Mapping[str, str]
    annotations: Mapping[str, str]

    def sem(self, outcome: str) -> str:
        """The heading of an outcome's standard error."""
        return _sem(self.outcomes[outcome])

    @property
    def measured(self) -> list[str]:
        """The headings of all outcomes and their standard errors."""
        return [one for heading in self.outcomes.values() for one in (heading, _sem(heading))]


def headings(outcomes: Sequence[str], params: Sequence[str], beside: Sequence[str] = ()) -> Headings:
    """The headings of a study's tables.

    Args:
        outcomes: names of the outcomes, the objective first.
        params: names of the parameters.
        beside: names of the annotations.
    """
    taken = set(RESERVED)
    measured = dict[str, str]()
    for name in outcomes:
        heading = name
        while heading in taken or _sem(heading) in taken:
            heading = f"outcomes.{heading}"
        measured[name] = heading
        taken |= {heading, _sem(heading)}
    named = _free(params, "params", taken)
    return Headings(measured, named, _free(beside, "table", taken | set(named.values())))


def _free(names: Sequence[str], prefix: str, taken: Collection[str]) -> dict[str, str]:
    """A unique heading for each name: the name itself, if it is not taken."""
    found = {name: name for name in names if name not in taken}
    for name in names:
        heading = name
        while heading in taken or (name in taken and heading in found.values()):
            heading = f"{prefix}.{heading}"
        found[name] = heading
    return {name: found[name] for name in names}


def _sem(heading: str) -> str:
    return f"{heading} sem"
