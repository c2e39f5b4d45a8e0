"""What the tests of ask and tell try things on: spaces, algorithms, a small prior, and hypothesis' strategies."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import jaxtyping
import numpy as np
import pandas as pd
import torch
from botorch.acquisition import qLogExpectedImprovement
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from botorch.sampling import SobolQMCNormalSampler
from hypothesis import strategies as st
from selfies import split_selfies
from torch import Tensor

import gdopt
from gdopt.adapters import botorch
from gdopt.algorithms.base import Algorithm
from gdopt.algorithms.settings import with_settings
from gdopt.baselines import baseline, names, string_baseline
from gdopt.diffusion.network import network
from gdopt.space.parameters import Params
from gdopt.space.strings import DNA, PROTEIN, Molecule, Sequence
from gdopt.storage.events import Report, given_up, told
from gdopt.storage.replay import replay
from gdopt.study.study import Study
from gdopt.trials.state import State
from gdopt.trials.trial import Result, Status

Objective = Callable[[Params], float]

LINE = gdopt.Space([gdopt.Real("x", -2, 3)])
LOG = gdopt.Space([gdopt.Real("x", -1, 1), gdopt.Real("dose", 1e-3, 10, log_scale=True, unit="mg")])
MIXED = gdopt.Space(
    [
        gdopt.Real("heat", 20, 120, unit="degC"),
        gdopt.Integer("cycles", 1, 8),
        gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
    ]
)
CONSTRAINED = gdopt.Space(
    [gdopt.Real("a", 0, 1), gdopt.Real("b", 0, 1), gdopt.Real("c", 0, 1)],
    [gdopt.Constraint({"a": 1, "b": 1, "c": 1}, 1), gdopt.Constraint({"a": -1, "b": 1}, 0.25)],
)
MIXTURE = gdopt.Space(
    [
        *(gdopt.Real(name, 0, 1) for name in "abc"),
        gdopt.Choice("dose", ["low", "medium", "high"], ordered=True),
        gdopt.Integer("twice", 0, 1),
        gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
    ],
    [gdopt.Constraint({"a": 1, "b": 1, "c": 1}, equal=1), gdopt.Constraint({"a": 1, "b": -1}, 0.5)],
)
# A ligand where there is a metal, a second temperature where there is a second step, a salt where there are both.
NESTED = gdopt.Space(
    [
        gdopt.Choice("metal", ["none", "Pd", "Ni"]),
        gdopt.Choice("ligand", ["A", "B", "C"], active_if={"metal": ["Pd", "Ni"]}),
        gdopt.Integer("steps", 1, 2),
        gdopt.Real("heat", 20, 100, unit="degC"),
        gdopt.Real("second", 20, 100, unit="degC", active_if={"steps": 2}),
        gdopt.Choice("salt", ["LiCl", "NaCl"], active_if={"ligand": "B", "steps": 2}),
    ]
)
WIDE = gdopt.Space.from_bounds([(-1, 1)] * 30)
SPACES = {
    "line": LINE,
    "log": LOG,
    "mixed": MIXED,
    "constrained": CONSTRAINED,
    "mixture": MIXTURE,
    "nested": NESTED,
    "wide": WIDE,
}

# A catalogue of 1,500 rows: a name, a supplier and four numbers, of which one hangs on two others.
CATALOGUE = pd.DataFrame(np.random.default_rng(0).normal(size=(1500, 3)), columns=["a", "b", "c"]).assign(
    d=lambda t: t.a * t.b + 0.1 * t.c,
    supplier=["left", "right", "middle"] * 500,
    label=[f"batch {i % 700}" for i in range(1500)],
)
TABLE = gdopt.Space.from_table(CATALOGUE)

# Eight settings in all: a space that is soon exhausted.
TINY = gdopt.Space([gdopt.Integer("i", 1, 4), gdopt.Choice("c", ["on", "off"])])


def corpus(n: int = 60, columns: int = 5, rank: int = 3, seed: int = 0) -> np.ndarray:
    """Designs near a subspace of some dimension."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, rank)) @ rng.normal(size=(rank, columns)) + 0.05 * rng.normal(size=(n, columns))


@cache
def prior() -> gdopt.DiffusionPrior:
    """A small one, trained for a moment."""
    return gdopt.DiffusionPrior.fit(corpus(), steps=100)


def guided(**settings: object) -> gdopt.GuidedDiffusion:
    """Guided diffusion that is quick: a small pool, and learning from the fourth result on."""
    return with_settings(gdopt.GuidedDiffusion(), {"candidates": 64, "n_initial": 4, **settings})


@cache
def quick_prior() -> gdopt.DiffusionPrior:
    """The same with a network that takes no time, untrained: its law is the Gaussian."""
    dim = prior().codec.dim
    net = network(torch.zeros(dim), torch.eye(dim), torch.ones(dim), width=16, blocks=1)
    return replace(prior(), denoiser=net.requires_grad_(False))


@cache
def weighted_prior() -> gdopt.DiffusionPrior:
    """The same of designs that do not count alike."""
    weights = torch.arange(1, 61, dtype=torch.float64)
    return replace(quick_prior(), weights=weights / weights.mean())


@cache
def expert_prior() -> gdopt.DiffusionPrior:
    """What an expert believes of three parameters, one of them nothing."""
    return gdopt.DiffusionPrior.expert(
        gdopt.Space.from_bounds([(0, 10)] * 3), {"x0": gdopt.Normal(3, 1), "x1": gdopt.Uniform(2, 5)}
    )


# Letters of the sequences of `dna`.
LENGTH = 10


@cache
def dna() -> gdopt.MaskedPrior:
    """Of random sequences of one length, trained for a moment."""
    generator = torch.Generator().manual_seed(0)
    letters = torch.randint(4, (60, LENGTH), generator=generator).tolist()
    corpus = ["".join(DNA[i] for i in row) for row in letters]
    return gdopt.MaskedPrior.fit(gdopt.SequenceSpace(DNA, LENGTH, corpus=corpus), steps=20)


@cache
def alkanes() -> gdopt.MaskedPrior:
    """Of small molecules, trained for a moment."""
    corpus = ["CCO", "CCCO", "CC(C)O", "CCN", "CCCN", "CC(C)N", "CCCCO", "OCCN", "CCOC", "CCCOC", "CC(O)CN", "CCCl"]
    return gdopt.MaskedPrior.fit(gdopt.MoleculeSpace.from_smiles(corpus), steps=20)


def masked(prior: gdopt.MaskedPrior, **changes: object) -> gdopt.MaskedDiffusion:
    """Masked diffusion that is quick: a small pool, and learning from the fourth result on."""
    return with_settings(
        gdopt.MaskedDiffusion(prior=prior), {"n_initial": 4, "candidates": 60, "generations": 2, **changes}
    )


@dataclass(frozen=True)
class Case:
    """An algorithm, the space it works in, and how many designs to ask it for in a round."""

    name: str
    algorithm: Callable[[], Algorithm]
    space: Callable[[], gdopt.Space]
    n: int = 4
    # Whether what was told changes what is proposed.
    learns: bool = True
    # Whether an `ask` takes seconds.
    slow: bool = False

    def study(self, direction: str = "maximize", storage: Path | None = None, seed: int = 0) -> Study:
        return Study(self.space(), direction=direction, algorithm=self.algorithm(), storage=storage, seed=seed)


# Rounds of more than 8 are selected by Thompson sampling, smaller ones by qLogNEI: both have their turn.
BATCHES = {"mixed": 9, "wide": 9}
ON_BOX = [
    Case(f"{kind}-{name}", algorithm, lambda space=space: space, BATCHES.get(name, 4), kind != "random")
    for kind, algorithm in {"guided": guided, "random": gdopt.RandomSearch}.items()
    for name, space in SPACES.items()
]
ON_PRIOR = [
    Case("guided-prior", lambda: guided(prior=quick_prior()), lambda: quick_prior().space, 9),
    Case("finetuned-prior", lambda: guided(prior=quick_prior(), finetune=5), lambda: quick_prior().space),
    Case("guided-weighted-prior", lambda: guided(prior=weighted_prior()), lambda: quick_prior().space),
    Case("guided-expert", lambda: guided(prior=expert_prior()), lambda: expert_prior().space),
    Case("random-prior", lambda: gdopt.RandomSearch(prior=quick_prior()), lambda: quick_prior().space, learns=False),
]


def quick(name: str, prior: gdopt.DiffusionPrior | None = None) -> Algorithm:
    """A baseline that is quick: a small pool, and learning from the fourth result on."""
    made = baseline(name, prior)
    fields = {"n_initial": 4, "candidates": 64, "max_batch": 10}
    return replace(made, **{k: v for k, v in fields.items() if hasattr(made, k)})


# Those that optimize an acquisition function take seconds; of the others, every space together takes a minute.
SLOW = {"qlogei", "qlogei-constrained", "qlognei", "qlognehvi", "ax"}
# Of conditional parameters these are tried; relaxed and rounded, others meet what was tried before, and Ax takes none.
BRANCHING = ("qlogei", "turbo", "cma", "eda")
LEARNERS = [name for name in names() if name not in ("random", "sobol")]
BASELINES = [
    Case(
        f"{kind}-{name}",
        lambda kind=kind: quick(kind),
        lambda space=space: space,
        BATCHES.get(name, 4),
        slow=kind in SLOW or (name != "line" and kind != "cma"),
    )
    for kind in LEARNERS
    for name, space in {"line": LINE, "mixed": MIXED, "constrained": CONSTRAINED, "nested": NESTED}.items()
    if name != "nested" or kind in BRANCHING
] + [
    Case(
        f"{kind}-pca-prior",
        lambda kind=kind: quick(f"{kind}-pca", quick_prior()),
        lambda: quick_prior().space,
        slow=kind in SLOW,
    )
    for kind in LEARNERS
]
SOBOL = [
    Case("sobol-line", lambda: baseline("sobol"), lambda: LINE, learns=False),
    Case("sobol-pca-prior", lambda: baseline("sobol-pca", quick_prior()), lambda: quick_prior().space, learns=False),
    Case("eda-box-of-prior", lambda: quick("eda", quick_prior()), lambda: quick_prior().space),
]


@cache
def many_sequences() -> gdopt.SequenceSpace:
    """Sequences of twelve letters, and a corpus of 1,100 of them."""
    rows = np.random.default_rng(0).integers(4, size=(1100, 12)).tolist()
    return gdopt.SequenceSpace(DNA, 12, corpus=["".join(DNA[i] for i in row) for row in rows])


@cache
def alcohols() -> gdopt.MoleculeSpace:
    """Small molecules, and a corpus of 40 of them."""
    return gdopt.MoleculeSpace.from_smiles(["C" * n + tail for n in range(2, 12) for tail in TAILS])


TAILS = ("O", "N", "C(=O)O", "c1ccccc1")


def quick_string(name: str, space: gdopt.SequenceSpace | gdopt.MoleculeSpace) -> Algorithm:
    """A baseline of strings that is quick: a small pool, and learning from the fourth result on."""
    made = string_baseline(name, space)
    fields = {"n_initial": 4, "candidates": 64, "generations": 2, "draws": 50, "steps": 2}
    return replace(made, **{k: v for k, v in fields.items() if hasattr(made, k)})


OF_SEQUENCES = ("genetic", "genetic-thompson", "vsd")
OF_CORPUS = ("corpus-random", "pool-thompson")
OF_MOLECULES = ("pool-thompson", "graph-ga", "graph-ga-thompson", "selfies-ga", "selfies-ga-thompson")
OF_STRINGS = (
    [
        Case(f"{name}-dna-line", lambda name=name: quick_string(name, many_sequences()), many_sequences)
        for name in OF_SEQUENCES
    ]
    + [
        Case(
            f"{name}-dna",
            lambda name=name: quick_string(name, many_sequences()),
            many_sequences,
            learns=name != "corpus-random",
        )
        for name in OF_CORPUS
    ]
    + [Case(f"{name}-molecules", lambda name=name: quick_string(name, alcohols()), alcohols) for name in OF_MOLECULES]
)


def botorch_acquisition(model: Model, u: Tensor, y: Tensor) -> qLogExpectedImprovement:
    return qLogExpectedImprovement(model, best_f=y.max(), sampler=SobolQMCNormalSampler(torch.Size([64])))


def by_botorch() -> gdopt.GuidedDiffusion:
    """Guided diffusion with a model and an acquisition function of BoTorch's in every place for one."""
    fit = botorch.surrogate(lambda u, y: SingleTaskGP(u, y).eval())
    guide, select = botorch.guidance(botorch_acquisition), botorch.selection(botorch_acquisition, most=4)
    return guided(surrogate=fit, guidance=guide, selection=select, share_guided=0.2)


BY_BOTORCH = [Case(f"botorch-{name}", by_botorch, lambda space=SPACES[name]: space) for name in ("line", "mixed")]
ON_STRINGS = [
    Case("masked-prior", lambda: masked(dna()), lambda: dna().space),
    Case("masked-molecules", lambda: masked(alkanes()), lambda: alkanes().space),
    Case("masked-finetuned", lambda: masked(dna(), finetune=3), lambda: dna().space),
    # A sequence of one length is a choice at each position.
    Case("guided-sequences", guided, lambda: dna().space),
]
ON_TABLE = [
    Case("guided-table-line", guided, lambda: TABLE),
    Case("guided-table-of-many", guided, lambda: TABLE, 9),
    Case("random-table-line", gdopt.RandomSearch, lambda: TABLE, learns=False),
    Case("pool-thompson-table-line", lambda: quick("pool-thompson"), lambda: TABLE),
    Case("qlogei-table", lambda: quick("qlogei"), lambda: TABLE, slow=True),
]
CASES = ON_TABLE + ON_BOX + ON_PRIOR + BASELINES + SOBOL + OF_STRINGS + BY_BOTORCH + ON_STRINGS
# One of each algorithm, on its quickest space. A `Learner` takes its results in a prior's coordinates as it does in the
# box, so two are tried there: one that reads its own rounds, and one of a corpus and a surrogate.
IN_PRIOR = ("guided-prior", "finetuned-prior", "random-prior", "masked-prior", "cma-pca-prior", "sobol-pca-prior")
QUICK = [c for c in CASES if c.name.endswith("-line") or c.name in (*IN_PRIOR, "corpus-steps-thompson-pca-prior")]


LEVELS = gdopt.Space([gdopt.Choice("a", list("xyz")), gdopt.Choice("b", list("xyz"))])
ONE = gdopt.Space([gdopt.Choice("a", list("stuvwxyz"))])
BINARY = gdopt.Space([gdopt.Choice(name, ["no", "yes"]) for name in "abc"])
# Constraints that leave ten of sixteen designs, and three of 121 pairs of whole numbers.
TIED = gdopt.Space([gdopt.Integer("a", 0, 3), gdopt.Integer("b", 0, 3)], [gdopt.Constraint({"a": 1, "b": 1}, 3)])
RARE = gdopt.Space(
    [gdopt.Integer("a", 0, 10), gdopt.Integer("b", 0, 10), gdopt.Choice("c", ["on", "off"])],
    [gdopt.Constraint({"a": 3, "b": 5}, equal=30)],
)
BRANCHES = gdopt.Space(
    [
        gdopt.Choice("metal", ["none", "Pd", "Ni"]),
        gdopt.Choice("ligand", ["A", "B", "C"], active_if={"metal": ["Pd", "Ni"]}),
        gdopt.Integer("steps", 1, 2, active_if={"ligand": "B"}),
    ]
)
# Small spaces, each with the number of its designs.
DISCRETE: dict[str, tuple[gdopt.Space, int]] = {
    "levels": (LEVELS, 9),
    "one": (ONE, 8),
    "binary": (BINARY, 8),
    "tiny": (TINY, 8),
    "tied": (TIED, 10),
    "rare": (RARE, 6),
    "branches": (BRANCHES, 9),
}


@dataclass(frozen=True)
class Finite:
    """An algorithm, a small space, and how many designs that has."""

    name: str
    algorithm: Callable[[], Algorithm]
    space: gdopt.Space
    designs: int
    slow: bool = False


TWELVE_ROWS = gdopt.Space.from_table(pd.DataFrame({"row": range(12), "u": np.linspace(0, 1, 12) ** 2}), id="row")
LETTERS = gdopt.SequenceSpace("ab", 3, corpus=["aaa", "abb"])
FINITE = (
    [
        Finite(f"guided-{name}", guided, space, designs, slow=name not in ("levels", "rare"))
        for name, (space, designs) in DISCRETE.items()
    ]
    + [
        Finite(f"{kind}-{name}", lambda kind=kind: baseline(kind), space, designs)
        for kind in ("random", "sobol")
        for name, (space, designs) in DISCRETE.items()
        # Both propose initial designs only, in the same way.
        if kind == "random" or name in ("levels", "branches")
    ]
    + [
        Finite(f"{kind}-{name}", lambda kind=kind: quick(kind), space, designs, slow=kind in SLOW or name != "levels")
        for kind in LEARNERS
        for name, (space, designs) in DISCRETE.items()
        if name != "branches" or kind in BRANCHING
    ]
    + [
        Finite("guided-table", guided, TWELVE_ROWS, 12),
        Finite("random-table", gdopt.RandomSearch, TWELVE_ROWS, 12),
        Finite("pool-thompson-table", lambda: quick("pool-thompson"), TWELVE_ROWS, 12),
        Finite("guided-letters", guided, LETTERS, 8),
        Finite("masked-letters", lambda: masked(letters_prior()), LETTERS, 8),
        Finite("corpus-random-letters", lambda: quick_string("corpus-random", LETTERS), LETTERS, 8),
        Finite("genetic-letters", lambda: quick_string("genetic", LETTERS), LETTERS, 8),
    ]
)


@cache
def letters_prior() -> gdopt.MaskedPrior:
    """Of the few sequences of three letters out of two."""
    return gdopt.MaskedPrior.fit(LETTERS, steps=1)


def height(params: Params) -> float:
    """An objective for any space: higher the nearer to an off-centre point; some levels and letters have a bonus."""
    numbers = [v for v in params.values() if not isinstance(v, str)]
    letters = [v for v in params.values() if isinstance(v, str)]
    bonus = sum((v == "KOAc") + v.count("GC") + 0.1 * v.count("CC") for v in letters)
    return -sum((v - 0.3 - 0.01 * i) ** 2 for i, v in enumerate(numbers)) + bonus


def tell(study: Study, trials: list[gdopt.Trial], objective: Objective = height) -> None:
    study.tell({t.id: objective(t.params) for t in trials})


def drive(study: Study, rounds: int, n: int, objective: Objective = height) -> Study:
    """The study after some full rounds."""
    for _ in range(rounds):
        tell(study, study.ask(n), objective)
    return study


@contextmanager
def unchecked() -> Iterator[None]:
    """gdopt as people run it: without the type checks that are on in the tests, which would answer first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


# Hypothesis. Type checks pick what they look at by Python's generator, which hypothesis minds, so they are off.

magnitudes = st.floats(-1e6, 1e6)


@st.composite
def reals(draw: st.DrawFn, name: str = "r") -> gdopt.Real:
    if draw(st.booleans()):
        low = draw(st.floats(1e-6, 1e3))
        high, log = low * draw(st.floats(1.001, 1e6)), True
    else:
        low = draw(magnitudes)
        high, log = low + draw(st.floats(1e-3, 1e6)), False
    with unchecked():
        return gdopt.Real(name, low, high, log_scale=log)


@st.composite
def integers(draw: st.DrawFn, name: str = "i") -> gdopt.Integer:
    low = draw(st.integers(-1000, 1000))
    high = low + draw(st.integers(1, 1000))
    with unchecked():
        return gdopt.Integer(name, low, high)


@st.composite
def choices(draw: st.DrawFn, name: str = "c") -> gdopt.Choice:
    levels = draw(st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=5, unique=True))
    ordered = draw(st.booleans())
    with unchecked():
        return gdopt.Choice(name, levels, ordered)


@st.composite
def spaces(draw: st.DrawFn) -> gdopt.Space:
    """Up to four parameters of any kind, of which some count only at some levels of one before them."""
    kinds = draw(st.lists(st.sampled_from([reals, integers, choices]), min_size=1, max_size=4))
    made: list[gdopt.Real | gdopt.Integer | gdopt.Choice] = []
    for i, kind in enumerate(kinds):
        parents = [p for p in made if not isinstance(p, gdopt.Real)]
        when = draw(st.none() | st.sampled_from(parents).flatmap(conditions)) if parents else None
        one = draw(kind(f"p{i}"))
        with unchecked():
            made.append(replace(one, active_if=when))
    with unchecked():
        return gdopt.Space(made)


def conditions(parent: gdopt.Integer | gdopt.Choice) -> st.SearchStrategy[dict[str, list[str | int]]]:
    """Some levels of a parameter."""
    levels = (
        st.sampled_from(parent.categories) if isinstance(parent, gdopt.Choice) else st.integers(parent.low, parent.high)
    )
    return st.lists(levels, min_size=1, max_size=3).map(lambda some: {parent.name: some})


@st.composite
def values(draw: st.DrawFn, space: gdopt.Space) -> Params:
    """Parameters that count, within a space without constraints, its corners among them."""
    params: dict[str, float | int | str] = {}
    for p in space.parameters:
        if isinstance(p, gdopt.Choice):
            params[p.name] = draw(st.sampled_from(p.categories))
        elif isinstance(p, gdopt.Integer):
            params[p.name] = draw(st.integers(p.low, p.high))
        else:
            params[p.name] = draw(st.floats(p.low, p.high))
    with unchecked():
        return {name: params[name] for name in space.active(params)}


@st.composite
def sequences(draw: st.DrawFn, name: str = "s") -> Sequence:
    """Of any alphabet, lengths and fixed letters, and a forbidden motif that these do not spell."""
    letters = draw(
        st.one_of(st.sampled_from([DNA, PROTEIN]), st.sets(st.characters(), min_size=2, max_size=6).map("".join))
    )
    shortest = draw(st.integers(1, 8))
    fixed = draw(st.dictionaries(st.integers(0, shortest - 1), st.just(letters[0]), max_size=2))
    motifs = draw(st.lists(st.text(letters[1:], min_size=1, max_size=3), max_size=2))
    with unchecked():
        return Sequence(name, letters, shortest, shortest + draw(st.integers(0, 4)), fixed, motifs)


@st.composite
def spaces_of_strings(draw: st.DrawFn) -> gdopt.Space:
    """A sequence, a molecule or both, and a number beside them."""
    kinds = draw(
        st.lists(st.one_of(sequences(), st.just(Molecule("m")), reals()), min_size=1, unique_by=lambda p: p.name)
    )
    with unchecked():
        return gdopt.Space(kinds)


# Tokens of molecules with rings, branches, charges and stereochemistry.
SELFIES = tuple(
    split_selfies(
        "[C][=C][#C][N][=N][#N][O][=O][S][=S][P][F][Cl][Br][I][B][N+1][O-1][C@H1][C@@H1][/C][\\C][/N]"
        "[Branch1][=Branch1][Branch2][Ring1][=Ring1][Ring2]"
    )
)
selfies_rows = st.lists(st.sampled_from(SELFIES), min_size=1, max_size=40)


def settled(state: State, outcomes: Mapping[int, Result | Status]) -> State:
    """The state with trials done, failed or abandoned."""
    reports = {id: Report(one) for id, one in outcomes.items() if isinstance(one, Result)}
    ends = (Status.FAILED, Status.ABANDONED)
    gone = [given_up(state, [id for id, one in outcomes.items() if one == end], end, "", 1.0) for end in ends]
    return replay(state, [entry for entry in (told(state, reports, 1.0), *gone) if entry is not None], 1.0)
