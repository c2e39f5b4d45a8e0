"""The page docs/paper/index.md: every statement of the paper with the table and the figure that check it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from gdopt_problems.paper import black_box, fine_tuned, public_code, regularized, structure
from gdopt_problems.paper.cases import Table

__all__ = ["CASES", "FIGURES", "page"]

CASES = ("f1_theta1", "f1_theta2", "f2_b1", "f2_b2")
TEMPLATE = Path(__file__).with_name("page.md")


def of_cases(draw: Callable[[Table], Figure]) -> Callable[[Table], Figure]:
    """A figure of the four cases."""
    return lambda results: draw({name: results[name] for name in CASES})


# What is drawn, by the name of its file.
FIGURES: dict[str, Callable[[Table], Figure]] = {
    "contraction": of_cases(regularized.contraction_figure),
    "path": of_cases(regularized.path_figure),
    "rounds": of_cases(fine_tuned.rounds_figure),
    "bound": of_cases(fine_tuned.bound_figure),
    "structure": lambda results: structure.rounds_figure(results["structure"]),
    "pareto": lambda results: structure.pareto_figure(results["unit_ball"]),
    "public": lambda results: public_code.curve_figure(results["public_reading"]),
    "black_box": of_cases(black_box.figure),
}


def page(results: Table) -> str:
    """The page, in Markdown: the template with its tables filled in."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, rows in TABLES.items():
        text = text.replace(f"{{{name}}}", markdown(*rows(results)))
    return text


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *([cell(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """A number to four digits; what is not known as a dash."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


Rows = tuple[Sequence[str], Sequence[Sequence[object]]]


def regularized_rows(results: Table) -> Rows:
    """Theorem 2's optimum and what was found."""
    head = ("case", "λ", "f at the regularized optimum", "infinite batches", "error of x", "batches of 256")
    rows = [
        (name, strength, one["optimum"], one["found"], f"{one['error']:.0e}", one["found_with_batches"])
        for name in CASES
        for strength, one in results[name]["regularized"].items()
    ]
    return head, rows


def contraction_rows(results: Table) -> Rows:
    """The bound L/λ and the slowest round."""
    ratios = list(results[CASES[0]]["contraction"])
    head = ("case", *(f"λ = {ratio} L: at most {1 / float(ratio):.4f}" for ratio in ratios))
    return head, [(name, *(one["measured"] for one in results[name]["contraction"].values())) for name in CASES]


def public_target_rows(results: Table) -> Rows:
    """Where the public code's target leads."""
    head = (
        "case",
        "δ",
        "λ = noise²/δ",
        "f at the optimum of that λ",
        "f in round 300",
        "last step of the mean, |Δm|_Σ⁻¹",
    )
    rows = []
    for name in CASES:
        one = results[name]["public_target"]
        rows.append((name, one["delta"], one["strength"], one["optimum"], one["last"], f"{one['swing']:.1g}"))
    return head, rows


ARMS = {"frozen": "covariance frozen", "pooled": "moments pooled", "network": "network trained"}


def rounds_rows(results: Table) -> Rows:
    """Algorithm 1 and Algorithm 2, five gradients each."""
    head = ("case", "optimum", "Algorithm 1", *(f"{arm}: at the mean, of samples" for arm in ARMS.values()))
    rows = []
    for name in CASES:
        one = results[name]
        ends = [one["algorithm2"][arm] for arm in ARMS]
        pairs = [f"{end['at_mean'][-1]:.4g}, {end['of_samples'][-1]:.4g}" for end in ends]
        rows.append((name, one["optimum"], one["algorithm1"]["at_mean"][-1], *pairs))
    return head, rows


def reached_rows(results: Table) -> Rows:
    """Rounds, and so gradients, until the batch mean is there."""
    head = ("case", "goal", *ARMS.values())
    rows = []
    for name in CASES:
        algorithm2 = results[name]["algorithm2"]
        goal = next(key for key in algorithm2 if key.startswith("rounds_to_"))
        rows.append((name, goal.removeprefix("rounds_to_"), *(algorithm2[arm][goal] for arm in ARMS)))
    return head, rows


def bound_rows(results: Table) -> Rows:
    """The gap over the bound."""
    counts = results[CASES[0]]["bound"]["rounds"]
    rows = []
    for name in CASES:
        of = results[name]["bound"]
        rows.append((name, *(f"{gap:.2g} of {most:.2g}" for gap, most in zip(of["gap"], of["bound"], strict=True))))
    return ("case", *(f"K = {count}" for count in counts)), rows


def structure_rows(results: Table) -> Rows:
    """Reward and off-support ratio at the end."""
    head = ("denoiser", "algorithm", "guidance", "mean f1 of the samples", "off-support ratio")
    rows = [
        (kind.replace("_", " "), number[-1], name, one["of_samples"][-1], f"{one['off_support'][-1]:.1e}")
        for kind in ("closed_form", "network")
        for number, arms in results["structure"][kind].items()
        for name, one in arms.items()
    ]
    return head, rows


def pareto_rows(results: Table) -> Rows:
    """Both fronts."""
    head = ("δ", "G: reward", "distance", "moved by guidance", "G_loss: reward", "distance", "moved by guidance")
    fronts = [results["unit_ball"][name] for name in ("G", "G_loss")]
    rows = []
    for i, delta in enumerate(fronts[0]["delta"]):
        cells = [(of["reward"][i], f"{of['distance'][i]:.1e}", f"{of['moved'][i]:.1e}") for of in fronts]
        rows.append((delta, *cells[0], *cells[1]))
    return head, rows


def public_rows(results: Table) -> Rows:
    """The curve of the public reading."""
    found, published = (results["public_reading"][key] for key in ("curve", "published"))
    head = ("round", *map(str, found))
    many = f"gdopt, {public_code.MANY} chains"
    return head, [("public code, 32 chains", *published.values()), (many, *found.values())]


def side_by_side_rows(results: Table) -> Rows:
    """gdopt, gdopt in the public reading, the public code."""
    reading, public = results["public_reading"], public_code.PUBLIC
    ours = results["f1_theta2"]["algorithm2"]
    frozen, net = ours["frozen"], ours["network"]

    def gap(name: str, arm: str) -> float:
        """How far f at the batch mean is from the optimum after five rounds."""
        at_mean: float = results[name]["algorithm2"][arm]["at_mean"][-1]
        rest: float = max(results[name]["optimum"] - at_mean, 0.0)
        return rest

    rows: list[tuple[object, ...]] = [
        (
            f"{name}: f* - f",
            f"{gap(name, 'frozen'):.2g}",
            f"{gap(name, 'network'):.2g}",
            f"{results[name]['optimum'] - reading['ends'][name]:.3g}",
            f"{public['optimum'][name] - public['reward'][name]:.3g}",
        )
        for name in CASES
    ]
    ratio = "off_support_ratio"
    rows += [
        (
            "off-support ratio, f1_theta2",
            f"{frozen[ratio]:.0e}",
            f"{net[ratio]:.0e}",
            f"{reading[ratio]:.0e}",
            f"{public[ratio]:.0e}",
        ),
        ("rounds", fine_tuned.ROUNDS, fine_tuned.ROUNDS, public_code.ROUNDS, public["rounds"]),
        ("gradient queries a round", 1, 1, public_code.CHAINS, public["gradient_queries_a_round"]),
        (
            "CPU seconds a round",
            f"{frozen['cpu_seconds_a_round']:.2g}",
            f"{net['cpu_seconds_a_round']:.2g}, fine-tuning included",
            f"{reading['cpu_seconds_a_round']:.2g}",
            f"{public['seconds_a_round']:.0f} (4.6 s on one A100)",
        ),
        ("denoiser calls a round", 24, 24, public["sampler_steps"], public["sampler_steps"]),
        ("network parameters", "none", f"{net['parameters']:,}", "none", f"{public['parameters']:,}"),
        (
            "pretraining",
            "two moments",
            f"{net['pretraining_cpu_seconds']:.0f} CPU-s",
            "two moments",
            public["pretraining"],
        ),
    ]
    head = ("", "gdopt, closed form", "gdopt, network", "gdopt in the public reading", "public code")
    return head, rows


def black_box_rows(results: Table) -> Rows:
    """Evaluations to the goal."""
    head = ("case", "goal", *(f"{name}: median (each seed)" for name in black_box.SOURCES))
    rows = []
    for name in CASES:
        of = results[name]["black_box"]
        cells = [f"{cell(one['median'])} ({', '.join(map(cell, one['evaluations']))})" for one in of.values()]
        rows.append((name, next(iter(of.values()))["goal"], *cells))
    return head, rows


TABLES: dict[str, Callable[[Table], Rows]] = {
    "regularized": regularized_rows,
    "contraction": contraction_rows,
    "public_target": public_target_rows,
    "rounds": rounds_rows,
    "reached": reached_rows,
    "bound": bound_rows,
    "structure": structure_rows,
    "pareto": pareto_rows,
    "public": public_rows,
    "side_by_side": side_by_side_rows,
    "black_box": black_box_rows,
}
