"""The number of calls of a design filter: python docs/measure_allowed.py [SEEDS].

Five plates of eight in a square in which a disc, a ring or a thin ring is feasible. The script prints the calls of
each plate, their sum, and the expected number of random draws until forty are feasible. The second ring
takes a minute for each seed.
"""

import math
import sys

import gdopt
from gdopt.acquisition.design_filter import DesignFilter
from gdopt.space.parameters import Params

PLATES, WELLS = 5, 8
SQUARE = gdopt.Space.from_bounds([(-1, 1)] * 2)


def radius(params: Params) -> float:
    """The distance from the middle of the square."""
    return math.hypot(float(params["x0"]), float(params["x1"]))


# The feasible region, and its share of the square's area, which is 4.
REGIONS: dict[str, tuple[DesignFilter, float]] = {
    "disc": (lambda p: math.hypot(float(p["x0"]) - 0.5, float(p["x1"]) + 0.5) < 0.3, math.pi * 0.3**2 / 4),
    "ring": (lambda p: 0.8 < radius(p) < 0.85, math.pi * (0.85**2 - 0.8**2) / 4),
    "thin ring": (lambda p: 0.8 < radius(p) < 0.81, math.pi * (0.81**2 - 0.8**2) / 4),
}


def calls(allowed: DesignFilter, seed: int) -> list[int]:
    """The calls of each plate."""
    asked: list[Params] = []

    def counted(params: Params) -> bool:
        asked.append(params)
        return allowed(params)

    algorithm = gdopt.GuidedDiffusion(design_filter=counted)
    study = gdopt.Study(SQUARE, direction="maximize", algorithm=algorithm, seed=seed)
    found = []
    for _ in range(PLATES):
        before = len(asked)
        try:
            trials = study.ask(WELLS)
        except gdopt.SettingsError as error:
            sys.stdout.write(f"plate {len(found)}: {error}\n")
            return found
        assert all(allowed(t.params) for t in trials)
        study.tell({t.id: float(t.params["x0"]) + float(t.params["x1"]) for t in trials})
        found.append(len(asked) - before)
    return found


if __name__ == "__main__":
    for name, (allowed, share) in REGIONS.items():
        for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
            plates = calls(allowed, seed)
            sys.stdout.write(
                f"{name}, {share:.1%} of the square, seed {seed}: {plates}, {sum(plates)} calls; "
                f"rejection takes {PLATES * WELLS / share:.0f}\n"
            )
            sys.stdout.flush()
