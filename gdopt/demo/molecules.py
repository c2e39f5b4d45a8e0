"""`gdopt demo molecules`: a molecule of high score, with a prior of molecules. Needs `gdopt[molecules]`."""

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console

from gdopt.algorithms.masked import MaskedDiffusion
from gdopt.console import say
from gdopt.demo.loop import Beside, list_files, play, pretrained
from gdopt.errors import StoreError
from gdopt.molecules import smiles
from gdopt.molecules.filters import Makeable
from gdopt.molecules.report import picture, table
from gdopt.molecules.scores import alerts, synthetic_accessibility
from gdopt.priors.masked import MaskedPrior
from gdopt.space.string_spaces import MoleculeSpace
from gdopt.study.figures import progress
from gdopt.study.study import Study

__all__ = ["STEPS", "TASK", "run"]

# A task of GuacaMol: similar to osimertinib but no copy, more polar and less lipophilic.
TASK = "osimertinib_mpo"
# Maximum number of pretraining steps.
STEPS = 400
# Initial molecules from the corpus, and proposals in a round.
START, BATCH = 50, 25
# Number of draws of the prior that are compared with the corpus.
CHECKED = 200
# Molecules in each row of the picture.
SHOWN = 4

Score = Callable[[Sequence[str]], list[float]]


def run(
    out: Path,
    *,
    task: str = TASK,
    corpus: Path | None = None,
    seed: int = 0,
    budget: int = 300,
    steps: int = STEPS,
    candidates: int = 1200,
    filters: bool = False,
) -> Study:
    """The finished study, whose file, tables and figures are in the folder `out`.

    The files are study.gdopt, prior.safetensors, prior-check.png (draws of the prior against the corpus), results.csv
    (a row a trial, with accessibility, alerts and the nearest known molecule), progress.png and molecules.png (the
    best that were found over the best of the corpus).

    Args:
        out: a folder, created if missing; a study in it is continued.
        task: task of the PMO benchmark (`gdopt_problems.pmo`), whose score is maximized.
        corpus: a file of SMILES; 4,756 molecules of the National Cancer Institute by default.
        seed: seed of the initial molecules and the proposals.
        budget: total number of evaluations, initial molecules included.
        steps: maximum number of pretraining steps.
        candidates: size of the pool of each round.
        filters: whether `Makeable()` is the design filter.

    Raises:
        ProblemError: the task is unknown.
        CorpusError: the file cannot be read, or has fewer than two molecules.
        StoreError: the prior in the folder is of another corpus, or the study of another task.
    """
    console = Console(highlight=False)
    # The library does not import its problems: the demos load them by name.
    score: Score = import_module("gdopt_problems.pmo").evaluate(task)
    space = _space(console, corpus)
    out.mkdir(parents=True, exist_ok=True)
    prior = pretrained(
        console,
        out / "prior.safetensors",
        MaskedPrior.load,
        lambda show: MaskedPrior.fit(space, steps=steps, progress=show),
        of=f"{len(space.corpus)} molecules",
        steps=steps,
        loss=" nats a token",
    )
    if prior.corpus != space.corpus:
        raise StoreError(f"{out / 'prior.safetensors'} is of another corpus: choose another folder, or delete it")
    _check(console, prior, out / "prior-check.png")
    study = Study(
        space,
        direction="maximize",
        algorithm=MaskedDiffusion(prior=prior, candidates=candidates, design_filter=Makeable() if filters else None),
        storage=out / "study.gdopt",
        seed=seed,
    )
    told = study.state.done
    if score([str(t.params["smiles"]) for t in told]) != [t.value for t in told]:
        raise StoreError(f"{out / 'study.gdopt'} is of another task than {task}: choose another folder, or delete it")
    say(console, f"{task}, {budget} evaluations{f', {Makeable()}' if filters else ''}")
    play(
        console,
        study,
        lambda trials: score([str(t.params["smiles"]) for t in trials]),
        budget,
        start=START,
        batch=BATCH,
        beside=(
            Beside("access", lambda t: f"{synthetic_accessibility(str(t.params['smiles'])):.1f}"),
            Beside("alerts", lambda t: str(len(alerts(str(t.params["smiles"]))))),
        ),
        decimals=3,
    )
    _write(console, out, study, prior, score)
    return study


def _space(console: Console, corpus: Path | None) -> MoleculeSpace:
    """The space of the molecules of a file, or of the default ones; invalid lines are reported and left out."""
    if corpus is None:
        return MoleculeSpace(smiles.nci())
    with warnings.catch_warnings(record=True) as left_out:
        warnings.simplefilter("always")
        space = MoleculeSpace.from_smiles(corpus, skip=True)
    for one in left_out:
        say(console, f"{corpus}: {one.message}")
    return space


def _check(console: Console, prior: MaskedPrior, path: Path) -> None:
    """Compare draws of the prior with the corpus, in text and as a figure, unless the figure exists."""
    if not path.exists():
        found = prior.check(CHECKED)
        say(console, str(found))
        found.plot(path)


def _write(console: Console, out: Path, study: Study, prior: MaskedPrior, score: Score) -> None:
    """Write the table and the figures, and print the best molecule."""
    frame = table(study.to_frame(), prior.corpus)
    frame.to_csv(out / "results.csv", index=False)
    known = sorted(zip(prior.corpus, score(prior.corpus), strict=True), key=lambda pair: -pair[1])[:SHOWN]
    top = frame.dropna(subset="value").nlargest(SHOWN, "value")
    progress(study.state.trials, study.config, out / "progress.png", reference=("best of the corpus", known[0][1]))
    found = list(zip(top["smiles"], top["value"], strict=True))
    picture([("found", found), ("corpus", known)], out / "molecules.png")
    best = top.iloc[0]
    say(
        console,
        f"best molecule {best.smiles} has {best.value:.3f} (trial {best.id}, {best.source}): "
        f"accessibility {best.accessibility:.1f}, {best.alerts or 'no alerts'}, "
        f"{best.similarity:.2f} similar to {best.nearest}; best of the corpus, {known[0][0]}, {known[0][1]:.3f}",
    )
    list_files(console, out)
