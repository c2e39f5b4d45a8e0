"""The problem `airfoil`: draw a wing section with the most lift over drag at a fixed lift.

A design is the surface itself, 64 ordinates of the upper side and 64 of the lower one, in chords.
Most of the box they span is no airfoil at all: 1 % of noise on a good airfoil leaves a value near
0. What airfoils look like has to be learned from `corpus`, 2,174 real ones. The value (maximized) is

    CL/CD exp(-sum_i shortfall_i / per_i)    at CL = 0.7, Re = 1e6; 0 where the polar misses that CL

with the demands i of `DEMANDS`. Lift, drag and moment are those of NeuralFoil (Sharpe and Hansman,
arXiv:2503.16323), a network fitted to XFOIL, which sees the surface as 18 parameters of the
class/shape transformation (CST; Kulfan, J. Aircraft 45(1), 2008). The demand on the misfit keeps a
design close to what the network is shown.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from gdopt.bench.problem import Problem
from gdopt.errors import MissingExtraError
from gdopt.paper.gradients import finite_differences
from gdopt.space.parameters import Params, Real
from gdopt.space.space import Space
from gdopt_problems.designs import named_gradients

try:
    import aerosandbox
    import neuralfoil
except ImportError as error:
    raise MissingExtraError(f"the problem airfoil needs {error.name}: pip install 'gdopt[airfoil]'") from error

__all__ = [
    "STATIONS",
    "airfoil_names",
    "corpus",
    "evaluate",
    "gradients",
    "measure",
    "problem",
    "report",
    "selig",
    "uncrossed",
    "values",
]

Array = np.ndarray

POINTS = 64
# x/c of the ordinates of either side: equal steps on a circle over the chord, without the ends.
STATIONS = (1 - np.cos(np.pi * np.arange(1, POINTS + 1) / (POINTS + 1))) / 2

LIFT = 0.7  # CL, the lift coefficient at which drag and moment are read
REYNOLDS = 1e6  # on the chord; a sailplane or a small drone
ALPHAS = np.arange(-6.0, 16.5, 0.5)  # deg, where the polar is computed
NETWORK = "large"  # the size of NeuralFoil's network
LIFT_STEP = 1e-9  # makes a lift that stalls and comes back strictly rising, so that it can be inverted
CHUNK = 32  # designs a call of the network: some 5 MB an array, however long the batch

THIN_FROM, THIN_TO = 0.05, 0.98  # x/c between which a section must not be thinner than paper

CORPUS_SIZE = 2174  # what aerosandbox 4.2 ships
MARGIN = 0.02  # chord, by which the box exceeds the corpus on either side
DIRECTIONS = 31  # of the corpus, which carry all but 2e-5 of its variance; gradients are taken along them
SECANT = 0.1  # half of a difference, in the corpus' spread: the value has ridges, which a shorter one would follow

# CST: class exponents 1/2 (round nose) and 1 (sharp tail), Bernstein polynomials of degree 7.
DEGREE = 7
SIDE = DEGREE + 1
LEADING_EDGE, TRAILING_EDGE = 2 * SIDE, 2 * SIDE + 1  # columns that belong to both sides


@dataclass(frozen=True)
class Demand:
    """A soft constraint, `sign * quantity >= sign * bound`: each `per` short of it costs a factor e."""

    quantity: str
    sign: int
    bound: float
    per: float

    def penalty(self, quantity: Float[Array, " n"]) -> Float[Array, " n"]:
        """How many times `per` each quantity falls short of the bound; 0 where it does not."""
        return np.maximum(self.sign * (self.bound - quantity), 0.0) / self.per


DEMANDS = (
    Demand("thickness", +1, 0.12, per=0.01),  # chord: room for a spar
    Demand("cm", +1, -0.12, per=0.02),  # about the quarter chord: a tail of bearable size
    Demand("min_thickness", +1, 0.003, per=0.002),  # chord: can be built
    Demand("confidence", +1, 0.9, per=0.05),  # NeuralFoil's trust in its own answer, 0 to 1
    Demand("misfit", -1, 0.0025, per=0.001),  # chord, rms: what the network sees is the design
)


@cache
def problem() -> Problem:
    """The problem `airfoil`: 128 ordinates, maximize CL/CD at CL = 0.7 under soft constraints."""
    low, high = corpus().min(axis=0) - MARGIN, corpus().max(axis=0) + MARGIN
    names = [f"{side}_{k:02d}" for side in ("upper", "lower") for k in range(1, POINTS + 1)]
    bounds = zip(names, low.tolist(), high.tolist(), strict=True)
    space = Space([Real(name, a, b, unit="chord") for name, a, b in bounds])
    return Problem(
        name="airfoil",
        space=space,
        evaluate=evaluate,
        direction="maximize",
        gradient=named_gradients(space, gradients),
        corpus=corpus,
        best_known=149.94,  # by CMA-ES on the CST parameters, see tests/problems/test_airfoil.py
        start=40,
        budget=300,
        batch=20,
        commensurate=True,
        source="own; NeuralFoil (arXiv:2503.16323) on the airfoils that aerosandbox ships",
    )


def evaluate(batch: Sequence[Params]) -> list[float]:
    """The value of each design, given by the names of its ordinates."""
    if not batch:
        return []
    space = problem().space
    for params in batch:
        space.check(params)
    designs = [[float(params[name]) for name in space.names] for params in batch]
    found: list[float] = values(np.array(designs)).tolist()
    return found


def values(designs: Float[Array, "n 128"]) -> Float[Array, " n"]:
    """The value of each design: CL/CD at CL = 0.7 times the exponential of minus the penalties."""
    return measure(designs)["value"]


def gradients(designs: Float[Array, "n 128"]) -> Float[Array, "n 128"]:
    """The slope of the value at each design, by central differences along the corpus' principal directions.

    Σ_k u_k (f(x + h s_k u_k) - f(x - h s_k u_k)) / 2 h s_k, with u_k the directions, s_k the corpus' spread along each
    and h = `SECANT`: 62 evaluations a design. What lies off these directions is no airfoil, and left out.
    """
    steps, spreads = principal()

    def along(design: Float[Array, "128"]) -> Float[Array, "31"]:
        """The slopes of the value by steps of the corpus' spread along each direction."""
        by_steps = finite_differences(
            lambda t: torch.from_numpy(values(design + t.numpy() @ steps)), torch.zeros(DIRECTIONS).double(), SECANT
        )
        return by_steps.numpy()

    slopes: Float[Array, "n 128"] = np.stack([along(one) for one in designs]) / spreads**2 @ steps
    return slopes


@cache
def principal() -> tuple[Float[Array, "31 128"], Float[Array, "31"]]:
    """The corpus' principal directions, as long as its spread along each; and these spreads."""
    centred = corpus() - corpus().mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred / len(centred) ** 0.5, full_matrices=False)
    spreads = sizes[:DIRECTIONS]
    return spreads[:, None] * directions[:DIRECTIONS], spreads


def report(design: Float[Array, "128"]) -> dict[str, float]:
    """What is known of one design, by name; the names and units are those of `measure`."""
    return {name: float(column[0]) for name, column in measure(design[None]).items()}


def measure(designs: Float[Array, "n 128"]) -> dict[str, Float[Array, " n"]]:
    """What is known of each design, by name.

    * value: what the problem maximizes.
    * cl_cd, alpha (deg), cd, cm (about the quarter chord), confidence (0 to 1): at CL = 0.7; NaN
      where the polar does not reach it.
    * thickness, camber (chord): the largest; thickness_at, camber_at (x/c): where; min_thickness
      (chord): the smallest on 0.05 < x/c < 0.98. All of the fitted shape, its tail closed, which is
      what the network sees.
    * tail (chord): the thickness of the trailing edge in the plain fit. Below 0 the sides cross
      there, and the value is that of the shape whose sides meet instead.
    * misfit (chord): root mean square of the ordinates minus the plain fit.
    """
    weights = close_tail(designs @ CST_FIT.T)
    found = shape(designs) | at_lift(polars(weights))
    found["cl_cd"] = LIFT / found["cd"]
    penalty = sum(demand.penalty(found[demand.quantity]) for demand in DEMANDS)
    unreached = np.isnan(found["cd"])
    found["value"] = np.where(unreached, 0.0, found["cl_cd"] * np.exp(-penalty))
    return found


# The shape.


def cst_matrix() -> Float[Array, "128 18"]:
    """The linear map from CST parameters to ordinates.

    Columns: 8 weights of the lower side, 8 of the upper one, the leading-edge weight (Kulfan's
    modification, the same on both sides), the thickness of the trailing edge (half to either side).
    """
    x = STATIONS
    i = np.arange(SIDE)
    binomials = np.array([math.comb(DEGREE, k) for k in i])
    bernstein = binomials * x[:, None] ** i * (1 - x[:, None]) ** (DEGREE - i)
    matrix = np.zeros((2, POINTS, TRAILING_EDGE + 1))  # sides: upper, lower
    matrix[1, :, :SIDE] = matrix[0, :, SIDE:LEADING_EDGE] = bernstein * (np.sqrt(x) * (1 - x))[:, None]
    matrix[:, :, LEADING_EDGE] = x * (1 - x) ** (SIDE + 0.5)
    matrix[:, :, TRAILING_EDGE] = x / 2 * np.array([[1.0], [-1.0]])
    return matrix.reshape(2 * POINTS, -1)


CST = cst_matrix()
CST_FIT = np.linalg.pinv(CST)


def close_tail(weights: Float[Array, "n 18"]) -> Float[Array, "n 18"]:
    """The same parameters, but sides that cross at the trailing edge meet there."""
    closed = weights.copy()
    closed[:, TRAILING_EDGE] = np.maximum(closed[:, TRAILING_EDGE], 0.0)
    return closed


def uncrossed(design: Float[Array, "128"]) -> Float[Array, "128"]:
    """The design with a tail whose sides do not cross, which can be built and has the same value.

    The simulator sees crossed sides closed; this takes the same wedge off the design itself.
    """
    crossing = min(float((design @ CST_FIT.T)[TRAILING_EDGE]), 0.0)
    return design - crossing * CST[:, TRAILING_EDGE]


def shape(designs: Float[Array, "n 128"]) -> dict[str, Float[Array, " n"]]:
    """Thickness, camber, tail and misfit of each design, named as in `measure`."""
    plain = designs @ CST_FIT.T
    upper, lower = np.split(close_tail(plain) @ CST.T, 2, axis=1)
    thickness, camber = upper - lower, (upper + lower) / 2
    thickest, bent = thickness.argmax(axis=1), np.abs(camber).argmax(axis=1)
    rows = np.arange(len(designs))
    inside = (STATIONS > THIN_FROM) & (STATIONS < THIN_TO)
    return {
        "thickness": thickness[rows, thickest],
        "thickness_at": STATIONS[thickest],
        "camber": camber[rows, bent],
        "camber_at": STATIONS[bent],
        "min_thickness": thickness[:, inside].min(axis=1),
        "tail": plain[:, TRAILING_EDGE],
        "misfit": np.sqrt(((designs - plain @ CST.T) ** 2).mean(axis=1)),
    }


# The flow.


def polars(weights: Float[Array, "n 18"]) -> dict[str, Float[Array, "n a"]]:
    """CL, CD, CM and confidence of each design at each of `ALPHAS`."""
    chunks = [chunk_polars(weights[start : start + CHUNK]) for start in range(0, len(weights), CHUNK)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def chunk_polars(weights: Float[Array, "n 18"]) -> dict[str, Float[Array, "n a"]]:
    """The same in one call of NeuralFoil, whose cases are all pairs of a design and an angle."""
    cases = np.repeat(weights, len(ALPHAS), axis=0).T
    kulfan = {
        "lower_weights": cases[:SIDE],
        "upper_weights": cases[SIDE:LEADING_EDGE],
        "leading_edge_weight": cases[LEADING_EDGE],
        "TE_thickness": cases[TRAILING_EDGE],
    }
    alpha = np.tile(ALPHAS, len(weights))
    with np.errstate(over="ignore"):  # far from any airfoil the activations go to their limit, 0
        flow = neuralfoil.get_aero_from_kulfan_parameters(kulfan, alpha=alpha, Re=REYNOLDS, model_size=NETWORK)
    names = {"cl": "CL", "cd": "CD", "cm": "CM", "confidence": "analysis_confidence"}
    return {name: flow[theirs].reshape(len(weights), -1) for name, theirs in names.items()}


def at_lift(polars: Mapping[str, Float[Array, "n a"]]) -> dict[str, Float[Array, " n"]]:
    """Angle, drag, moment and confidence of each design at CL = 0.7; NaN where the polar misses it.

    Linear between the computed angles, drag in its logarithm.
    """
    columns = np.stack(
        [
            np.broadcast_to(ALPHAS, polars["cl"].shape),
            np.log(polars["cd"]),
            polars["cm"],
            polars["confidence"],
        ]
    )
    rows = zip(polars["cl"], columns.swapaxes(0, 1), strict=True)
    alpha, log_cd, cm, confidence = np.array([read_at_lift(cl, curves) for cl, curves in rows]).T
    return {"alpha": alpha, "cd": np.exp(log_cd), "cm": cm, "confidence": confidence}


def read_at_lift(cl: Float[Array, " a"], curves: Float[Array, "c a"]) -> list[float]:
    """Each curve where the rising lift passes 0.7; NaN if it starts above or ends below."""
    branch = rising_branch(cl)
    lift = np.maximum.accumulate(cl[branch])
    lift = lift + LIFT_STEP * np.arange(len(lift))
    if len(lift) < 2 or not lift[0] <= LIFT <= lift[-1]:
        return [math.nan] * len(curves)
    return [float(np.interp(LIFT, lift, curve[branch])) for curve in curves]


def rising_branch(cl: Float[Array, " a"]) -> slice:
    """From the smallest lift that comes before the largest one, up to and with the largest."""
    top = int(cl.argmax())
    return slice(int(cl[: top + 1].argmin()), top + 1)


# The corpus.


def corpus() -> Float[Array, "2174 128"]:
    """Real airfoils, one a row: upper then lower ordinates, chord line on the x axis, chord 1.

    Raises:
        MissingExtraError: the installed aerosandbox ships another number of airfoils.
    """
    return np.stack(list(airfoils().values()))


def airfoil_names() -> list[str]:
    """The names of the rows of `corpus`: the files' names without their ending."""
    return list(airfoils())


@cache
def airfoils() -> dict[str, Float[Array, "128"]]:
    """The real airfoils by name, read from the installed aerosandbox."""
    folder = Path(aerosandbox.__file__).parent / "geometry" / "airfoil" / "airfoil_database"
    files = sorted(folder.glob("*.dat"))
    if len(files) != CORPUS_SIZE:
        raise MissingExtraError(
            f"airfoil is defined on the {CORPUS_SIZE} airfoils of aerosandbox 4.2, "
            f"{folder} has {len(files)}: pip install 'gdopt[airfoil]'"
        )
    texts = (file.read_text(encoding="utf-8", errors="ignore") for file in files)
    return {file.stem: ordinates(outline(text)) for file, text in zip(files, texts, strict=True)}


def outline(text: str) -> Float[Array, "p 2"]:
    """The points of a Selig file: from the trailing edge over one side to the nose and back."""
    rows = [numbers(line) for line in text.splitlines()[1:]]  # the first line is a title
    return np.array([row for row in rows if len(row) == 2])


def numbers(line: str) -> list[float]:
    """The first two words of a line as numbers; empty if they are something else."""
    try:
        return [float(word) for word in line.split()[:2]]
    except ValueError:
        return []


def ordinates(points: Float[Array, "p 2"]) -> Float[Array, "128"]:
    """Upper then lower ordinates at `STATIONS`; the upper side is the one that is higher on average."""
    points = on_chord(points)
    nose = int(points[:, 0].argmin())
    first, second = interpolate(points[nose::-1]), interpolate(points[nose:])
    return np.concatenate([first, second] if first.mean() >= second.mean() else [second, first])


def on_chord(points: Float[Array, "p 2"]) -> Float[Array, "p 2"]:
    """The points moved, turned and scaled so that the chord goes from (0, 0) to (1, 0).

    The chord is the line from the middle of the trailing edge to the point farthest from it.
    """
    tail = (points[0] + points[-1]) / 2
    nose = points[np.hypot(*(points - tail).T).argmax()]
    (cx, cy), z = tail - nose, points - nose
    turned: Array = z @ np.array([[cx, -cy], [cy, cx]]) / (cx**2 + cy**2)
    return turned


def interpolate(side: Float[Array, "p 2"]) -> Float[Array, "64"]:
    """The ordinates of one side at `STATIONS`, linear between its points."""
    x, y = side[side[:, 0].argsort(kind="stable")].T
    found: Array = np.interp(STATIONS, x, y)
    return found


# A file for other programs.


def selig(design: Float[Array, "128"], name: str) -> str:
    """The design as the text of a Selig `.dat` file, which XFOIL loads.

    A title, then x/c and y/c a line from the trailing edge over the upper side to the nose (0, 0)
    and back below. The ordinates at x/c = 1 lie on the line through the last two of each side; they
    meet in the middle where the sides would cross.
    """
    upper, lower = np.split(design, 2)
    ends = np.array([trailing_ordinate(upper), trailing_ordinate(lower)])
    if ends[0] < ends[1]:
        ends[:] = ends.mean()
    x = np.concatenate([[1.0], STATIONS[::-1], [0.0], STATIONS, [1.0]])
    y = np.concatenate([ends[:1], upper[::-1], [0.0], lower, ends[1:]])
    lines = [f"{a:10.7f} {b:10.7f}" for a, b in zip(x, y, strict=True)]
    return "\n".join([" ".join(name.split()), *lines]) + "\n"


def trailing_ordinate(side: Float[Array, "64"]) -> float:
    """The ordinate at x/c = 1 of the line through the last two points of a side."""
    (x0, x1), (y0, y1) = STATIONS[-2:], side[-2:]
    return float(y1 + (y1 - y0) / (x1 - x0) * (1 - x1))
