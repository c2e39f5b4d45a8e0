"""Pretraining and the closed loop of the demos, with their lines on the terminal."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from gdopt.console import say, training
from gdopt.diffusion.training import Progress as Reports
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.priors.masked import MaskedPrior
from gdopt.study.study import Study
from gdopt.trials.trial import Trial

__all__ = ["Beside", "list_files", "play", "pretrained"]

P = TypeVar("P", DiffusionPrior, MaskedPrior)


@dataclass(frozen=True)
class Beside:
    """A further column of the lines of `play`, about the best trial so far.

    Args:
        title: title of the column.
        of: the text for a trial, at most as wide as the title.
    """

    title: str
    of: Callable[[Trial], str]


def pretrained(
    console: Console,
    path: Path,
    load: Callable[[Path], P],
    fit: Callable[[Reports], P],
    *,
    of: str,
    steps: int,
    loss: str,
) -> P:
    """The prior in a file; if the file is missing, a prior is fitted and saved.

    Args:
        console: the console for the progress.
        path: path of the file.
        load: reads the prior.
        fit: fits the prior; its argument is the callback for the progress.
        of: description of the corpus.
        steps: maximum number of training steps.
        loss: text after the held-out loss, such as its unit.
    """
    if path.exists():
        say(console, f"diffusion prior loaded from {path}")
        return load(path)
    say(console, f"a diffusion prior of {of}, without labels")
    with training(console, steps) as show:
        prior = fit(show)
    prior.save(path)
    trained = prior.training
    assert trained is not None
    say(
        console,
        f"pretrained in {prior.seconds:.0f} s and {trained.steps} steps; held-out loss {trained.best:.3f}{loss}",
    )
    return prior


def play(
    console: Console,
    study: Study,
    evaluate: Callable[[Sequence[Trial]], Sequence[float]],
    budget: int,
    *,
    start: int,
    batch: int,
    beside: Sequence[Beside] = (),
    decimals: int = 2,
) -> None:
    """Ask, evaluate and tell until the budget is spent, and print a line for each round.

    Args:
        console: the console for the lines.
        study: the study; its pending trials are evaluated first.
        evaluate: the values of trials.
        budget: total number of evaluations, earlier results included.
        start: trials in the first round.
        batch: trials in every other round.
        beside: further columns.
        decimals: decimals of values.
    """
    began, before = time.perf_counter(), len(study.state.done)
    waiting = study.pending
    titles = "".join(f"{one.title}  " for one in beside)
    say(console, f"round  told    best  median  ranks  {titles}seconds   left  proposals -> winner")
    while (told := len(study.state.done)) < budget:
        trials = waiting or study.ask(min(batch if told else start, budget - told))
        waiting = []
        study.tell(dict(zip([t.id for t in trials], evaluate(trials), strict=True)))
        pace = (time.perf_counter() - began) / (len(study.state.done) - before)
        say(console, _line(study, pace * (budget - len(study.state.done)), beside, decimals))


def _line(study: Study, left: float, beside: Sequence[Beside], decimals: int) -> str:
    """The line of the last round."""
    last, best = study.rounds[-1], study.best
    ranks = "     " if last.rank_correlation is None else f"{last.rank_correlation:5.2f}"
    sources = " ".join(f"{name} {count}" for name, count in last.sources.items())
    columns = "".join(f"{one.of(best):>{len(one.title)}s}  " for one in beside)
    return (
        f"{last.number:5d} {len(study.state.done):5d} {best.value:7.{decimals}f} {last.median:7.{decimals}f}  {ranks}  "
        f"{columns}{last.seconds:7.1f}  {left:4.0f}s  {sources} -> {last.winner}"
    )


def list_files(console: Console, out: Path) -> None:
    """Print the names of the files in the folder."""
    say(console, f"in {out}/: {', '.join(sorted(p.name for p in out.glob('[!.]*')))}")
