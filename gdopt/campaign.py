"""A study described in a TOML file, for a laboratory without Python."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from gdopt import corpus as corpora
from gdopt import files, strings
from gdopt.algorithm import Algorithm
from gdopt.baselines import baseline, string_baseline
from gdopt.diffusion.train import Progress
from gdopt.errors import GdoptError, SettingsError, StoreError
from gdopt.expert import Belief, Normal, Uniform
from gdopt.goals import Direction, Limit
from gdopt.guided import GuidedDiffusion
from gdopt.masked import MaskedDiffusion
from gdopt.masked_prior import MaskedPrior
from gdopt.named import Named, with_allowed
from gdopt.plain import PLAIN, prior_of
from gdopt.prior import DiffusionPrior
from gdopt.space import Choice, Constraint, Integer, Parameter, Real, Space
from gdopt.store import Store
from gdopt.string_space import MoleculeSpace, SequenceSpace
from gdopt.study import Study

__all__ = [
    "ENTRIES",
    "EXAMPLE",
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
    "checked",
    "read",
    "started",
    "written",
]

GUIDED, RANDOM = "guided", "random"
# What kinds of direction are called while a file is read.
ONE, SEVERAL = "one objective", "several objectives"
# Of training at most, as the priors have it by default: of designs in numbers, and of strings.
STEPS, STRING_STEPS = 3000, 2000


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
    log: bool = False
    unit: str = ""
    when: Condition = Field(default_factory=dict)

    def parameter(self) -> Parameter:
        """The parameter."""
        return Real(self.name, self.low, self.high, self.log, self.unit, self.when)


class IntegerEntry(_Entry):
    """A parameter that is a whole number."""

    name: str
    kind: Literal["integer"]
    low: int
    high: int
    unit: str = ""
    when: Condition = Field(default_factory=dict)

    def parameter(self) -> Parameter:
        """The parameter."""
        return Integer(self.name, self.low, self.high, self.unit, self.when)


class ChoiceEntry(_Entry):
    """A parameter that is one of several levels."""

    name: str
    kind: Literal["choice"]
    levels: list[str]
    ordered: bool = False
    when: Condition = Field(default_factory=dict)

    def parameter(self) -> Parameter:
        """The parameter."""
        return Choice(self.name, self.levels, self.ordered, self.when)


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

    def belief(self) -> Belief:
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
        reference: of several objectives, the worst value of each that is of any interest.
        limits: such as "impurity <= 2".
        tracked: other outcomes, which are kept only.
        batch: trials in a batch.
        seed: of every random draw.
        algorithm: "guided", or a baseline's name, such as "random".
        parameters: what may be varied; left out, the columns of the corpus.
        table: of candidates, of whose rows some are to be tried, instead.
        constraints: linear ones.
        corpus: designs without labels.
        prior: one that was fitted to such designs before, instead.
        expert: what is believed of parameters by name, instead.
        allowed: a function that says which designs may be proposed, as module:function.
        settings: of the algorithm, by name.
    """

    name: str = Field(pattern=NAME)
    direction: Annotated[
        Annotated[Direction, Tag(ONE)] | Annotated[dict[str, Direction], Tag(SEVERAL)],
        Discriminator(lambda given: SEVERAL if isinstance(given, dict) else ONE),
    ]
    objective: str = ""
    reference: dict[str, float] = Field(default_factory=dict)
    limits: list[str] = Field(default_factory=list)
    tracked: list[str] = Field(default_factory=list)
    batch: int = Field(default=8, ge=1)
    seed: int = Field(default=0, ge=0)
    algorithm: str = GUIDED
    allowed: str | None = None
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


# --- read ---


def read(path: Path) -> Campaign:
    """The campaign in a file.

    Raises:
        StoreError: the file cannot be read.
        SettingsError: it is not TOML, or a table has a key or a value that is not understood: all of them, by table and
            key.
    """
    try:
        return checked(_tables(path), str(path))
    except RecursionError as error:
        raise SettingsError(f"{path} is no campaign: its lists or tables are nested too deeply") from error


def _tables(path: Path) -> dict[str, Any]:
    """The tables of a file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def checked(raw: dict[str, Any], file: str) -> Campaign:
    """The campaign that is described by tables of TOML.

    Args:
        raw: the tables.
        file: its name, for people.

    Raises:
        SettingsError: as `read` does.
    """
    try:
        campaign = Campaign.model_validate(raw)
    except ValidationError as error:
        said = [_said(raw, one["loc"], one["msg"], one["input"], one["type"]) for one in error.errors()]
        raise SettingsError(_listed(file, said)) from error
    said = [*_refused(raw, campaign)]
    if said:
        raise SettingsError(_listed(file, said))
    return campaign


def _listed(file: str, said: list[str]) -> str:
    return f"{file}: {said[0]}" if len(said) == 1 else "".join([f"{file}:", *(f"\n  {one}" for one in said)])


def _said(raw: dict[str, Any], loc: tuple[int | str, ...], expected: str, given: object, kind: str) -> str:
    """One thing that is wrong, with its table, its key, what was expected and what was given."""
    # Which kind of entry it was tried as is the third part.
    tables = [one for at, one in enumerate(loc) if not _of_pydantic(loc, at)]
    where = _where(raw, tables)
    if kind == "missing":
        return f"{where} is missing"
    if kind == "extra_forbidden":
        return f"{where} is unknown; it was given {given!r}"
    return f"{where}: got {given!r}; {expected[0].lower()}{expected[1:]}"


def _of_pydantic(loc: tuple[int | str, ...], at: int) -> bool:
    """Whether a step says which of several kinds was read, and is not in the file."""
    return (at == 2 and loc[0] == "parameters" and loc[at] in ENTRIES) or (
        at == 1 and loc[0] == "direction" and loc[at] in (ONE, SEVERAL)
    )


def _where(raw: dict[str, Any], loc: list[int | str]) -> str:
    """A key and its table, such as "[[parameters]] 2 (cycles), key low"."""
    top, *rest = loc
    if rest and isinstance(rest[0], int):
        one = raw[str(top)][rest[0]]
        called = f" ({one['name']})" if isinstance(one, dict) and "name" in one else ""
        name = f"[[{top}]] {rest[0] + 1}{called}" if isinstance(one, dict) else f"key {top}, entry {rest[0] + 1}"
        rest = rest[1:]
    elif rest:
        name = f"[{top}]"
    else:
        return f"key {top}"
    return ", ".join([name, *(f"key {one}" for one in rest if isinstance(one, str))])


def _refused(raw: dict[str, Any], campaign: Campaign) -> list[str]:
    """What each table means is checked where it stands."""
    checks: list[tuple[list[int | str], Callable[[], object]]] = []
    checks += [(["parameters", at], one.parameter) for at, one in enumerate(campaign.parameters)]
    checks += [(["limits", at], partial(Limit.of, one)) for at, one in enumerate(campaign.limits)]
    checks += [(["expert", name], one.belief) for name, one in campaign.expert.items()]
    if campaign.allowed is not None:
        checks.append((["allowed"], partial(Named, campaign.allowed)))
    said = [f"{_where(raw, loc)}: {error}" for loc, check in checks if (error := _error(check)) is not None]
    if (error := _error(lambda: _check_objectives(campaign))) is not None:
        said.insert(0, str(error))
    if said:
        return said
    tables = [name for name in ("table", "corpus", "prior", "expert") if getattr(campaign, name)]
    if len(tables) > 1:
        return [f"{' and '.join(f'[{one}]' for one in tables)}: expected one of them"]
    if not campaign.parameters and tables in ([], ["expert"]):
        return ["[[parameters]]: there are none; expected one or more, or a [corpus], [prior] or [table] that has them"]
    if campaign.table and (campaign.parameters or campaign.constraints):
        return ["[table] and [[parameters]]: expected one of them"]
    error = _error(lambda: campaign.space)
    return [] if error is None else [f"[[parameters]] and [[constraints]]: {error}"]


def _check_objectives(campaign: Campaign) -> None:
    """Raise `SettingsError` unless one objective has a name, or several have a direction each."""
    if isinstance(campaign.direction, str):
        if not campaign.objective:
            raise SettingsError("key objective is missing")
        if campaign.reference:
            raise SettingsError("key reference: one objective has none")
    elif not campaign.direction or campaign.objective:
        raise SettingsError("of several objectives: expected a direction for each by its name, and no key objective")
    elif unknown := [name for name in campaign.reference if name not in campaign.direction]:
        raise SettingsError(f"key reference, keys {unknown}: the objectives are {list(campaign.direction)}")


def _error(check: Callable[[], object]) -> GdoptError | None:
    try:
        check()
    except GdoptError as error:
        return error
    return None


# --- started ---


def started(
    campaign: Campaign, folder: Path, storage: str | Path | Store | None = None, fit: Progress | None = None
) -> Study:
    """The study of a campaign, with a prior fitted to its corpus if it has one.

    Args:
        campaign: what it is of.
        folder: where the corpus is looked for.
        storage: as `Study` takes it.
        fit: told of the progress of the prior's training.

    Raises:
        CorpusError: the corpus cannot be read or used.
        SettingsError: there is no such algorithm or setting, or it needs a corpus.
        SpaceError, StoreError: as `Study` raises.
    """
    space, algorithm = _algorithm(campaign, folder, fit)
    algorithm = _with_settings(algorithm, campaign.settings)
    if campaign.allowed is not None:
        algorithm = with_allowed(algorithm, Named(campaign.allowed))
    return Study(
        space,
        direction=campaign.direction,
        objective=campaign.objective,
        reference=campaign.reference,
        limits=campaign.limits,
        tracked=campaign.tracked,
        algorithm=algorithm,
        storage=storage,
        seed=campaign.seed,
        batch=campaign.batch,
    )


def _algorithm(campaign: Campaign, folder: Path, fit: Progress | None) -> tuple[Space, Algorithm]:
    """The space, with what came from the corpus, and the algorithm with its default settings."""
    space, corpus = campaign.space, campaign.corpus
    if campaign.table is not None:
        rows = campaign.table.space(folder)
        return rows, GuidedDiffusion() if campaign.algorithm == GUIDED else baseline(campaign.algorithm)
    if campaign.prior is not None:
        path = folder / campaign.prior.file
        prior = prior_of(*files.read(path), path)
        return space or prior.space, _with_prior(campaign, prior)
    if corpus is None:
        assert space is not None
        if campaign.expert:
            beliefs = {name: one.belief() for name, one in campaign.expert.items()}
            return space, _with_prior(campaign, DiffusionPrior.expert(space, beliefs, seed=campaign.seed))
        if isinstance(space.parameters[0], strings.Molecule):
            raise SettingsError("molecules are found by a prior of some: give a [corpus] of SMILES")
        return space, GuidedDiffusion() if campaign.algorithm == GUIDED else baseline(campaign.algorithm)
    path = folder / corpus.file
    of_strings = space is not None and any(isinstance(p, strings.Sequence | strings.Molecule) for p in space.parameters)
    if space is not None and of_strings:
        if corpus.weights or corpus.outcome:
            raise SettingsError("[corpus]: weights and outcome are of designs in numbers, not of strings")
        strings_space = _of_strings(space, path)
        if campaign.algorithm != GUIDED:
            name = "corpus-random" if campaign.algorithm == RANDOM else campaign.algorithm
            return strings_space, string_baseline(name, strings_space)
        masked = MaskedPrior.fit(strings_space, seed=campaign.seed, progress=fit, steps=corpus.steps or STRING_STEPS)
        return strings_space, MaskedDiffusion(prior=masked)
    read = corpora.read(
        path,
        space,
        weights=corpus.weights,
        outcome=corpus.outcome,
        # Of several objectives, the first.
        direction=direction if isinstance(direction := campaign.direction, str) else next(iter(direction.values())),
    )
    prior = DiffusionPrior.fit(
        read.designs,
        weights=read.weights,
        space=space,
        names=None if space else read.names,
        seed=campaign.seed,
        steps=corpus.steps or STEPS,
        progress=fit,
    )
    return prior.space, _with_prior(campaign, prior)


def _with_prior(campaign: Campaign, prior: DiffusionPrior | MaskedPrior) -> Algorithm:
    """The campaign's algorithm, which learns from a prior."""
    if isinstance(prior, MaskedPrior):
        if campaign.algorithm != GUIDED:
            raise SettingsError(f"{campaign.algorithm} takes no prior of strings: give a [corpus] of them")
        return MaskedDiffusion(prior=prior)
    return GuidedDiffusion(prior=prior) if campaign.algorithm == GUIDED else baseline(campaign.algorithm, prior)


def _of_strings(space: Space, path: Path) -> MoleculeSpace | SequenceSpace:
    """The space of one string, with the corpus of a file."""
    only = space.parameters[0]
    if len(space.parameters) > 1:
        raise SettingsError(f"a corpus of strings is of one parameter; there are {list(space.names)}")
    if isinstance(only, strings.Molecule):
        return MoleculeSpace.from_smiles(path, name=only.name)
    assert isinstance(only, strings.Sequence)
    return SequenceSpace(
        only.alphabet,
        min_length=only.shortest,
        max_length=only.longest,
        corpus=corpora.sequences(path),
        forbidden=only.forbidden,
        name=only.name,
    )


def _with_settings(algorithm: Algorithm, settings: dict[str, bool | int | float | str]) -> Algorithm:
    """The algorithm with other settings, of those that are numbers or words."""
    known = {f.name for f in fields(cast(Any, algorithm)) if f.init and isinstance(getattr(algorithm, f.name), PLAIN)}
    known -= {"allowed"}  # a function, with a key of its own
    if unknown := [name for name in settings if name not in known]:
        kind = type(algorithm).__name__
        raise SettingsError(f"[settings], keys {unknown}: {kind} has no such settings; it has {sorted(known)}")
    try:
        return cast(Algorithm, replace(cast(Any, algorithm), **settings))
    except (TypeError, SettingsError) as error:
        raise SettingsError(f"[settings]: {error}") from error


# --- written ---

EXAMPLE = Campaign(
    name="suzuki",
    direction="maximize",
    objective="yield",
    limits=["impurity <= 2"],
    parameters=[
        RealEntry(name="temperature", kind="real", low=20, high=120, unit="degC"),
        RealEntry(name="loading", kind="real", low=0.001, high=0.1, log=True),
        IntegerEntry(name="hours", kind="integer", low=1, high=24),
        ChoiceEntry(name="base", kind="choice", levels=["KOAc", "Cs2CO3", "K3PO4"]),
    ],
)

TOP = {
    "name": "The study will be kept in NAME.gdopt, beside this file.",
    "direction": '"maximize" or "minimize"; of several objectives { yield = "maximize", cost = "minimize" }.',
    "objective": "What is maximized or minimized; a column of every plate. Left out where there are several.",
    "reference": "Of several objectives, the worst values of any interest, such as { yield = 50, cost = 20 }.",
    "limits": 'What other outcomes have to satisfy, such as ["impurity <= 2"]: else a trial is never the best.',
    "tracked": 'Outcomes that are only written down, such as ["colour"]; they are numbers.',
    "batch": "Trials in a batch, unless `gdopt ask -n` says otherwise.",
    "seed": "The same seed and the same results give the same trials.",
    "algorithm": '"guided" is the diffusion model; others are for comparison, such as "random".',
}
ALLOWED = """\
# A Python function of yours, module:function, that says of a design whether it may be proposed at all.
# allowed = "rules:mixes"  # then `gdopt ask --allowed rules:mixes`, where rules.py is"""
PARAMETERS = """\
# What may be varied: one [[parameters]] each. kind = "real" or "integer" has low, high and unit; log = true (real, low
# above 0) makes equal ratios equal steps. kind = "choice" has levels. A parameter that counts only at some levels of
# others before it says which: when = { base = ["KOAc", "K3PO4"] }."""
CONSTRAINTS = """\
# What must hold of each design: the sum of coefficient times parameter is at most `upper`.
# [[constraints]]
# coefficients = { a = 1, b = 1 }
# upper = 10"""
TABLE = """\
# Instead of parameters, a table of candidates, of whose rows some are to be tried: a CSV with a column that names each
# row, and others that say what is alike.
# [table]
# file = "catalogue.csv"
# id = "compound"
# descriptors = ["mass", "logp"]  # all that can, if left out"""
CORPUS = """\
# Designs without labels, which show what is plausible: a CSV with a column for each parameter (numbers, choices), or a
# file of SMILES (one parameter of kind "molecule") or of sequences (kind "sequence"), a line each or FASTA.
# [corpus]
# file = "designs.csv"
# steps = 3000  # of training, at most
# weights = "count"  # a column that says how much each design counts
# outcome = "yield"  # or one that a related task measured: the better, the more it counts"""
PRIOR = """\
# Instead, a prior that was fitted to such designs before.
# [prior]
# file = "prior.safetensors"  # as `gdopt prior fit` writes it"""
EXPERT = """\
# Instead, what an expert believes of parameters (all of them real, log = false): about where, or between what. Of the
# others only the bounds are known.
# [expert]
# temperature = { mean = 80, std = 10 }
# pressure = { low = 2, high = 4 }"""
SETTINGS = """\
# Settings of the algorithm, by name.
# [settings]
# candidates = 1000"""


def written(campaign: Campaign) -> str:
    """A TOML file of the campaign, with comments that say what each key means; `read` reads it back."""
    several = not isinstance(campaign.direction, str)
    # Of one objective there is no reference, of several no single name.
    left_out = "objective" if several else "reference"
    top = [
        f"# {comment}\n{name} = {_toml(getattr(campaign, name))}\n" for name, comment in TOP.items() if name != left_out
    ]
    parts = [*top, ALLOWED, *([f"allowed = {_toml(campaign.allowed)}"] if campaign.allowed else []), "", PARAMETERS]
    parts += [_table("[[parameters]]", one) for one in campaign.parameters]
    parts += [CONSTRAINTS, *(_table("[[constraints]]", one) for one in campaign.constraints)]
    parts += [TABLE, *([_table("[table]", campaign.table)] if campaign.table else [])]
    parts += [CORPUS, *([_table("[corpus]", campaign.corpus)] if campaign.corpus else [])]
    parts += [PRIOR, *([_table("[prior]", campaign.prior)] if campaign.prior else [])]
    parts += [EXPERT]
    if campaign.expert:
        believed = {name: one.model_dump(exclude_none=True) for name, one in campaign.expert.items()}
        parts.append(_named("[expert]", believed))
    parts += [SETTINGS]
    if campaign.settings:
        parts.append(_named("[settings]", campaign.settings))
    return "\n".join(parts) + "\n"


def _table(title: str, entry: BaseModel) -> str:
    # What is as it is by itself is left out, so that a file is as short as people would write it.
    required = {name for name, one in type(entry).model_fields.items() if one.is_required()}
    said = entry.model_dump(exclude_defaults=True) | entry.model_dump(include=required)
    said = {name: said[name] for name in type(entry).model_fields if name in said}
    return _named(title, said)


def _named(title: str, values: Mapping[str, object]) -> str:
    return "\n".join([title, *(f"{_key(name)} = {_toml(value)}" for name, value in values.items())]) + "\n"


def _toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, str):
        # The one character that JSON leaves as it is and TOML does not allow.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


# Floats of this size are all whole; TOML's integers end not far above.
WHOLE = 2**53


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _toml(name)
