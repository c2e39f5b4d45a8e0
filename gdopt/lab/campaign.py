"""The keys and types of a campaign: a study described in a TOML file."""

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
# Tags of the two types of `direction`, for pydantic.
ONE, SEVERAL = "one objective", "several objectives"
# Pattern of a campaign's name, from which the name of the study's file is made.
NAME = r"^\w[\w.\-]*$"
# Values of other parameters, by name, at which a parameter is active; the parameter checks them.
Condition = dict[str, Any]


class _Entry(BaseModel):
    """A table of the file, with exactly these keys and types."""

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
    """A parameter with categories."""

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
    """A table of candidates: each design is one of its rows.

    Args:
        file: a CSV file with a header, relative to the campaign's folder.
        id: the column that identifies a row.
        descriptors: the columns by which rows are similar; by default all other columns.
    """

    file: str
    id: str
    descriptors: list[str] | None = None

    def space(self, folder: Path) -> Space:
        """The space of the table's rows.

        Raises:
            CorpusError, SpaceError: the file cannot be read or used.
        """
        # Imported here: only a table of candidates needs NumPy and pandas.
        from gdopt.priors import corpus_file as corpora

        frame = corpora.candidates(folder / self.file, self.id, self.descriptors)
        return Space.from_table(frame, self.id, self.descriptors)


class CorpusEntry(_Entry):
    """Unlabelled designs, to which a prior is fitted.

    Args:
        file: relative to the campaign's folder: a CSV with a header, lines of SMILES or of sequences, or FASTA.
        steps: maximum number of training steps; the default is that of `campaign_builder`.
        weights: the column of the designs' weights.
        outcome: the column of an outcome of a related task; designs that are better in the campaign's direction have
            larger weights (`gdopt.outcome_weights`).
    """

    file: str
    steps: int | None = Field(default=None, ge=1)
    weights: str | None = None
    outcome: str | None = None


class PriorEntry(_Entry):
    """A prior that is already fitted.

    Args:
        file: relative to the campaign's folder, as written by `gdopt prior fit`.
    """

    file: str


class BeliefEntry(_Entry):
    """An expert's belief about a parameter: mean and std, or low and high."""

    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None

    def belief(self) -> ParameterPrior:
        """The distribution of the parameter.

        Raises:
            SettingsError: the keys are neither mean and std nor low and high.
        """
        given = {name for name, value in self if value is not None}
        if given == {"mean", "std"}:
            return Normal(cast(float, self.mean), cast(float, self.std))
        if given == {"low", "high"}:
            return Uniform(cast(float, self.low), cast(float, self.high))
        raise SettingsError(f"expected mean and std, or low and high, got {sorted(given)}")


class Campaign(_Entry):
    """The settings of a study, as a TOML file has them; `gdopt.lab.campaign_template` has a comment for each key.

    Args:
        name: name of the study's file.
        direction: "maximize" or "minimize"; for several objectives, the direction of each by name.
        objective: name of the objective, if there is one.
        reference_point: for several objectives, the worst value of interest of each, by name.
        outcome_constraints: such as "impurity <= 2".
        tracking_metrics: other outcomes, recorded and not optimized.
        batch: trials in a batch.
        seed: seed of all random draws.
        algorithm: "guided", or a baseline's name, such as "random".
        parameters: the parameters; by default the columns of the corpus.
        table: a table of candidates, instead of parameters.
        constraints: linear constraints on the parameters.
        corpus: unlabelled designs, to which a prior is fitted.
        prior: a fitted prior, instead of a corpus.
        expert: beliefs about parameters by name, instead of a corpus.
        design_filter: module:function; the function returns True for each design that may be proposed.
        settings: settings of the algorithm, by name.
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
        """The search space of `parameters` and `constraints`, None if there are no parameters."""
        if not self.parameters:
            return None
        constraints = [Constraint(entry.coefficients, entry.upper, entry.equal) for entry in self.constraints]
        return Space([entry.parameter() for entry in self.parameters], constraints)
