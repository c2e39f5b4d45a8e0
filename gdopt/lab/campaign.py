"""A study described in a TOML file, for a laboratory without Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from gdopt.errors import SettingsError
from gdopt.priors.expert import Normal, ParameterPrior, Uniform
from gdopt.space import strings
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import Choice, Integer, Parameter, Real
from gdopt.space.space import Space
from gdopt.trials.objectives import Direction

__all__ = [
    "ENTRIES",
    "GUIDED",
    "NAME",
    "ONE",
    "RANDOM",
    "SEVERAL",
    "BeliefEntry",
    "Campaign",
    "ChoiceEntry",
    "ConstraintEntry",
    "CorpusEntry",
    "IntegerEntry",
    "MoleculeEntry",
    "PriorEntry",
    "RealEntry",
    "SequenceEntry",
    "TableEntry",
]

GUIDED, RANDOM = "guided", "random"
# What kinds of direction are called while a file is read.
ONE, SEVERAL = "one objective", "several objectives"
# Of a study: what its file can be called.
NAME = r"^\w[\w.\-]*$"
# Of a parameter that counts only at some levels of others, these by name; the parameter itself checks them.
Condition = dict[str, Any]


class _Entry(BaseModel):
    """A table of the file: of exactly these keys and types."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class RealEntry(_Entry):
    """A parameter that is a real number."""

    name: str
    kind: Literal["real"]
    low: float
    high: float
    log_scale: bool = False
    unit: str = ""
    active_if: Condition = Field(default_factory=dict)

    def parameter(self) -> Parameter:
        """The parameter."""
        return Real(self.name, self.low, self.high, self.log_scale, self.unit, self.active_if)


class IntegerEntry(_Entry):
    """A parameter that is a whole number."""

    name: str
    kind: Literal["integer"]
    low: int
    high: int
    unit: str = ""
    active_if: Condition = Field(default_factory=dict)

    def parameter(self) -> Parameter:
        """The parameter."""
        return Integer(self.name, self.low, self.high, self.unit, self.active_if)


class ChoiceEntry(_Entry):
    """A parameter that is one of several levels."""

    name: str
    kind: Literal["choice"]
    categories: list[str]
    ordered: bool = False
    active_if: Condition = Field(default_factory=dict)

    def parameter(self) -> Parameter:
        """The parameter."""
        return Choice(self.name, self.categories, self.ordered, self.active_if)


class SequenceEntry(_Entry):
    """A parameter that is a sequence over an alphabet, the only one of its space."""

    name: str
    kind: Literal["sequence"]
    alphabet: str
    shortest: int
    longest: int
    forbidden: list[str] = Field(default_factory=list)

    def parameter(self) -> Parameter:
        """The parameter."""
        return strings.Sequence(self.name, self.alphabet, self.shortest, self.longest, (), self.forbidden)


class MoleculeEntry(_Entry):
    """A parameter that is a molecule, the only one of its space."""

    name: str
    kind: Literal["molecule"]

    def parameter(self) -> Parameter:
        """The parameter."""
        return strings.Molecule(self.name)


ENTRIES: Mapping[str, type[RealEntry | IntegerEntry | ChoiceEntry | SequenceEntry | MoleculeEntry]] = {
    "real": RealEntry,
    "integer": IntegerEntry,
    "choice": ChoiceEntry,
    "sequence": SequenceEntry,
    "molecule": MoleculeEntry,
}


class ConstraintEntry(_Entry):
    """A linear constraint on parameters: the sum of coefficient times parameter is at most `upper`, or is `equal`."""

    coefficients: dict[str, float]
    upper: float | None = None
    equal: float | None = None


class TableEntry(_Entry):
    """A table of candidates, of whose rows some are tried.

    Args:
        file: beside the campaign's: a CSV with a header.
        id: the column by which people find a row.
        descriptors: the columns that say what is alike; all that can, if left out.
    """

    file: str
    id: str
    descriptors: list[str] | None = None

    def space(self, folder: Path) -> Space:
        """The space of its rows.

        Raises:
            CorpusError, SpaceError: the file cannot be read or used.
        """
        # Imported here: only a table of candidates needs NumPy and pandas.
        from gdopt.priors import corpus_file as corpora

        frame = corpora.candidates(folder / self.file, self.id, self.descriptors)
        return Space.from_table(frame, self.id, self.descriptors)


class CorpusEntry(_Entry):
    """Designs without labels.

    Args:
        file: beside the campaign's: a CSV with a header, lines of SMILES or of sequences, or FASTA.
        steps: of training at most; STEPS or STRING_STEPS if left out.
        weights: the column of the designs' weights.
        outcome: the column of what a related task measured, better in the campaign's direction: such designs count
            more (`gdopt.outcome_weights`).
    """

    file: str
    steps: int | None = Field(default=None, ge=1)
    weights: str | None = None
    outcome: str | None = None


class PriorEntry(_Entry):
    """A prior that was fitted before.

    Args:
        file: beside the campaign's, as `gdopt prior fit` writes it.
    """

    file: str


class BeliefEntry(_Entry):
    """What an expert believes of a parameter: mean and std, or low and high."""

    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None

    def belief(self) -> ParameterPrior:
        """The belief.

        Raises:
            SettingsError: it is neither or both.
        """
        given = {name for name, value in self if value is not None}
        if given == {"mean", "std"}:
            return Normal(cast(float, self.mean), cast(float, self.std))
        if given == {"low", "high"}:
            return Uniform(cast(float, self.low), cast(float, self.high))
        raise SettingsError(f"expected mean and std, or low and high, got {sorted(given)}")


class Campaign(_Entry):
    """All that a study is made of; see `written` for what each key means.

    Args:
        name: of the study's file.
        direction: "maximize" or "minimize"; of several objectives, a direction for each by its name.
        objective: what is maximized or minimized, if it is one.
        reference_point: of several objectives, the worst value of each that is of any interest.
        outcome_constraints: such as "impurity <= 2".
        tracking_metrics: other outcomes, which are kept only.
        batch: trials in a batch.
        seed: of every random draw.
        algorithm: "guided", or a baseline's name, such as "random".
        parameters: what may be varied; left out, the columns of the corpus.
        table: of candidates, of whose rows some are to be tried, instead.
        constraints: linear ones.
        corpus: designs without labels.
        prior: one that was fitted to such designs before, instead.
        expert: what is believed of parameters by name, instead.
        design_filter: a function that says which designs may be proposed, as module:function.
        settings: of the algorithm, by name.
    """

    name: str = Field(pattern=NAME)
    direction: Annotated[
        Annotated[Direction, Tag(ONE)] | Annotated[dict[str, Direction], Tag(SEVERAL)],
        Discriminator(lambda given: SEVERAL if isinstance(given, dict) else ONE),
    ]
    objective: str = ""
    reference_point: dict[str, float] = Field(default_factory=dict)
    outcome_constraints: list[str] = Field(default_factory=list)
    tracking_metrics: list[str] = Field(default_factory=list)
    batch: int = Field(default=8, ge=1)
    seed: int = Field(default=0, ge=0)
    algorithm: str = GUIDED
    design_filter: str | None = None
    parameters: list[
        Annotated[RealEntry | IntegerEntry | ChoiceEntry | SequenceEntry | MoleculeEntry, Field(discriminator="kind")]
    ] = Field(default_factory=list)
    constraints: list[ConstraintEntry] = Field(default_factory=list)
    table: TableEntry | None = None
    corpus: CorpusEntry | None = None
    prior: PriorEntry | None = None
    expert: dict[str, BeliefEntry] = Field(default_factory=dict)
    settings: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @property
    def space(self) -> Space | None:
        """What may be tried, as far as the file itself says it."""
        if not self.parameters:
            return None
        constraints = [Constraint(one.coefficients, one.upper, one.equal) for one in self.constraints]
        return Space([one.parameter() for one in self.parameters], constraints)
