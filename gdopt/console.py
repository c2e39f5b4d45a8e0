"""Lines and progress bars on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gdopt.diffusion.training import Progress as Reports

__all__ = ["say", "training"]


def say(console: Console, text: str) -> None:
    """Print a line without wrapping it; the terminal may wrap it."""
    console.print(text, soft_wrap=True, markup=False)


@contextmanager
def training(console: Console, steps: int | None = None) -> Iterator[Reports]:
    """A callback for the progress of training, shown as a progress bar with the time left."""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[info]}")
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("pretraining", total=steps, info="")

        def show(step: int, total: int, now: float) -> None:
            bar.update(task, completed=step, total=total, info=f"held-out loss {now:.3f}")

        yield show
