"""CMA-ES (Hansen 2016) by pycma."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from gdopt.baselines.cube import Cube, cube_of
from gdopt.baselines.learner import Learner, Proposal
from gdopt.codecs.base import Codec
from gdopt.errors import SettingsError
from gdopt.randomness import isolated
from gdopt.space.parameters import Params, design_key
from gdopt.trials.state import State
from gdopt.trials.trial import Status, Trial

__all__ = ["CMAES"]

# Draws for each missing design, before a small space is considered exhausted.
DRAWS = 20
# Initial standard deviation in the unit cube; pycma advises a quarter to a third of the range.
SIGMA = 0.3
# Notes of a round: the generation of its trials, and the trial whose design is the initial mean.
GENERATION, MEAN = "generation", "mean"


@dataclass(frozen=True, kw_only=True)
class CMAES(Learner):
    """CMA-ES with pycma's settings: from the best of the first designs, or from the mean of the corpus.

    In the box it works in the unit cube, with pycma's handling of bounds. In the prior's coordinates it starts at the
    distribution of the corpus: mean 0 and standard deviation 1.

    The size of a generation is the size of its first `ask`, and at least pycma's default 4 + ⌊3 log d⌋; smaller asks
    share a generation. While results of a full generation are missing, an `ask` gets more draws of the same
    distribution. A failed trial is the worst of its generation. The state of pycma is not stored: the generations are
    replayed with the same seed.

    Args:
        sigma: the initial standard deviation; by default 0.3 in the unit cube, or 1 in the prior's coordinates.
    """

    sigma: float | None = None

    source: ClassVar[str] = "generation"
    package: ClassVar[tuple[str, str] | None] = ("cma", "baselines")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma is not None and not self.sigma > 0:
            raise SettingsError(f"sigma = {self.sigma}: expected more than 0")

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """The next draws of pycma."""
        inside = self.prior is None or codec is not self.prior.codec
        cube = cube_of(codec, self.prior) if inside else _plain(codec)
        rounds = [k for k, note in enumerate(state.notes) if GENERATION in note]
        sizes = [sum(t.round == k for t in state.trials) for k in rounds]
        mean = int(state.notes[rounds[0]][MEAN]) if rounds else max(state.done, key=lambda t: t.value or 0.0).id
        # From here on everything depends on the seed and the trials only: earlier draws are repeated.
        with isolated(state.seed):
            es = self._started(cube, state.trials[mean], [*sizes, n][0], state.seed, inside)
            generation = 0
            x: list[Any] = []
            told: list[Trial] = []
            for k, size in zip(rounds, sizes, strict=True):
                if state.notes[k][GENERATION] > generation:
                    _tell(es, x, told)
                    generation, x, told = generation + 1, [], []
                trials = [t for t in state.trials if t.round == k]
                rows, _ = _draw(es, cube, replace(state, trials=state.trials[: trials[0].id]), size)
                x, told = x + rows, told + trials[: len(rows)]
            if len(x) >= es.popsize and all(t.status is not Status.PENDING for t in told):
                _tell(es, x, told)
                generation += 1
            _, params = _draw(es, cube, state, n)
        return Proposal(params, note={GENERATION: generation, MEAN: mean})

    def _started(self, cube: Cube, best: Trial, size: int, seed: int, inside: bool) -> Any:
        """pycma before its first generation."""
        import cma

        dim = cube.codec.dim
        mean = cube.encode([best.params])[0].clamp(0, 1).numpy() if inside else np.zeros(dim)
        options: dict[str, Any] = {
            # A seed of 0 is the time of day for pycma.
            "seed": seed % (2**32 - 1) + 1,
            "popsize": max(4 + int(3 * np.log(dim)), size),
            "bounds": [0, 1] if inside else None,
            "verbose": -9,
            "verb_log": 0,
        }
        if dim == 1:
            # In one dimension pycma raises ValueError when it bounds the deviation; bounds of designs still hold.
            options["maxstd"] = np.inf
        return cma.CMAEvolutionStrategy(mean, self.sigma or (SIGMA if inside else 1.0), options)


def _plain(codec: Codec) -> Cube:
    """The codec's own coordinates."""
    zero = torch.zeros(codec.dim, dtype=torch.float64)
    return Cube(codec, zero, zero + 1)


def _draw(es: Any, cube: Cube, state: State, n: int) -> tuple[list[Any], list[Params]]:
    """n draws that decode to new designs, and these designs; fewer if no more are found."""
    x: list[Any] = []
    new: list[Params] = []
    seen = {design_key(t.params) for t in state.trials}
    for _ in range(DRAWS):
        if len(x) == n:
            break
        drawn = es.ask(n - len(x))
        for row, one in zip(drawn, cube.codec.decode(cube.z(torch.from_numpy(np.array(drawn)))), strict=True):
            key = design_key(one)
            if key not in seen and state.space.allows(one):
                seen.add(key)
                x.append(row)
                new.append(one)
    return x, new


def _tell(es: Any, x: Sequence[Any], trials: Sequence[Trial]) -> None:
    """Tell pycma, which minimizes, a generation. Failed trials have its worst value; without values, do nothing."""
    worst = min((t.value for t in trials if t.value is not None), default=None)
    if worst is not None:
        es.tell(x, [-(worst if t.value is None else t.value) for t in trials])
