"""Images of digits that guidance turns into zeros, round by round, with G and with G_loss, and its limits.

Fig. 6 of Guo et al. 2024 (arXiv 2404.14743) in small: their Algorithm 1, with 8x8 digits in place of Stable Diffusion.

python examples/images.py [FOLDER] [TRAINING_STEPS] [ROUNDS]
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import Tensor

from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.guidance import lookahead, naive
from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import sample
from gdopt.diffusion.training import fit

Images = Float[Tensor, "n 64"]
Reward = Callable[[Images], Float[Tensor, " n"]]
Measure = Callable[[Images], tuple[float, float, float]]

ZERO = 0  # the label that is rewarded
COUNT, DRAWN = 256, 6  # images that are measured, and those of them that are drawn
GUIDANCES = {"G": naive, "G_loss": lookahead}
STRENGTHS = {"mild": 3.0, "strong": 8.0}  # by how much each round is asked to raise the log-odds
NOISE_STD = 1.0  # of the log-odds that are asked for
# Lines differ in lightness, dashes and markers, so that they can be printed in grey.
STYLES: dict[tuple[str, str], dict[str, Any]] = {
    ("G", "mild"): {"color": "0.6", "linestyle": "--", "marker": "o", "markerfacecolor": "white"},
    ("G", "strong"): {"color": "0.0", "linestyle": "--", "marker": "o"},
    ("G_loss", "mild"): {"color": "0.6", "linestyle": "-", "marker": "s", "markerfacecolor": "white"},
    ("G_loss", "strong"): {"color": "0.0", "linestyle": "-", "marker": "s"},
}
NAMES = ("log-odds of a zero", "share judged a zero", "distance to real digits")


@dataclass(frozen=True)
class Model:
    """A diffusion model of images.

    Args:
        denoiser: of the images.
        mean: of all images.
        spread: their largest standard deviation along any direction.
    """

    denoiser: Denoiser
    mean: Float[Tensor, "64"]
    spread: float

    def draw(self, denoiser: Denoiser) -> Images:
        """Images by a guided denoiser, always from the same noise: row i stays the same picture, guided otherwise."""
        return sample(denoiser, COUNT, self.mean, self.spread, torch.Generator().manual_seed(0))


def trained(digits: Images, steps: int) -> Model:
    """The diffusion model of digits without labels."""
    mean = digits.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(digits.T))
    kept = values > 2e-5 * values.sum()  # some pixels are always empty
    net = network(mean.float(), vectors[:, kept].float(), values[kept].sqrt().float())

    def progress(step: int, steps: int, loss: float) -> None:
        if step % 500 == 0 or step == steps:
            sys.stdout.write(f"training step {step} of {steps}: held-out loss {loss:.3f}\n")
            sys.stdout.flush()

    net, _ = fit(net, digits.float(), torch.Generator().manual_seed(0), steps=steps, progress=progress)
    return Model(net, mean, float(values[-1].sqrt()))


def log_odds(classifier: LogisticRegression) -> Reward:
    """The reward log p/(1 - p), p the chance of a zero: a concave function of the image."""
    weight, bias = torch.from_numpy(classifier.coef_), torch.from_numpy(classifier.intercept_)
    others = torch.arange(len(bias)) != ZERO

    def reward(images: Images) -> Float[Tensor, " n"]:
        logits = images @ weight.T + bias
        return logits[:, ZERO] - logits[:, others].logsumexp(1)

    return reward


def guided_rounds(model: Model, reward: Reward, guidance: Callable[..., Denoiser], step: float, n: int) -> list[Images]:
    """The images of rounds 0 (unguided) to n: each is guided by its own gradient at the image of the round before.

    The target y = g'x + step asks the reward, linearized at x, to rise by `step`.
    """
    images = [model.draw(model.denoiser)]
    for _ in range(n):
        x = images[-1].clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(reward(x).sum(), x)
        target = (gradient * images[-1]).sum(1) + step
        images.append(model.draw(guidance(model.denoiser, gradient, target, NOISE_STD)))
    return images


def measured(reward: Reward, judge: SVC, digits: Images) -> Measure:
    """Measures of images: mean reward, share that the judge classifies as zeros, median distance to data.

    The distance is that to the nearest real digit, in units of what it is between real ones.
    """
    between = torch.cdist(digits, digits).fill_diagonal_(float("inf")).amin(1).median()

    def measure(images: Images) -> tuple[float, float, float]:
        distances = torch.cdist(images, digits)
        distances[distances < 1e-6] = float("inf")  # a real digit is not its own neighbour
        share = np.mean(judge.predict(images.numpy()) == ZERO)
        return float(reward(images).mean()), float(share), float(distances.amin(1).median() / between)

    return measure


def images_figure(arms: dict[tuple[str, str], list[Images]], measure: Measure, shown: list[int], path: Path) -> None:
    """Write the first few images of each arm over rounds, the measures of all its images above them."""
    figure = Figure(figsize=(12, 0.4 + 0.66 * len(shown)), layout="constrained")
    grid = figure.subplots(len(shown), len(arms), squeeze=False, gridspec_kw={"wspace": 0.07})
    for column, ((guidance, strength), images) in enumerate(arms.items()):
        for row, number in enumerate(shown):
            axes = grid[row, column]
            strip = np.full((8, 9 * DRAWN - 1), np.nan)  # white between the images
            for i, image in enumerate(images[number][:DRAWN].reshape(-1, 8, 8).numpy()):
                strip[:, 9 * i : 9 * i + 8] = image
            axes.imshow(strip, cmap="gray", vmin=0, vmax=1)
            value, share, distance = measure(images[number])
            axes.set_title(f"log-odds {value:.1f}, {share:.0%} zeros, distance {distance:.2f}", fontsize=8, pad=3)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if column == 0:
                axes.set_ylabel(f"round {number}", fontsize=9)
        head = grid[0, column]
        head.annotate(
            f"{guidance}, {strength}: +{STRENGTHS[strength]:g} a round",
            (0.5, 1), (0, 17), "axes fraction", "offset points", ha="center", fontsize=10, weight="bold",
        )  # fmt: skip
    figure.savefig(path, dpi=130)


def curves_figure(arms: dict[tuple[str, str], list[Images]], measure: Measure, real: Images, path: Path) -> None:
    """Write the measures of each arm against the round, and those of real zeros as lines."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    panels = figure.subplots(1, len(NAMES))
    for (guidance, strength), images in arms.items():
        for axes, values in zip(panels, zip(*map(measure, images), strict=True), strict=True):
            axes.plot(values, label=f"{guidance}, {strength}", **STYLES[guidance, strength])
    for axes, value, name in zip(panels, measure(real), NAMES, strict=True):
        axes.axhline(value, color="0.4", linestyle=":", label="real zeros")
        axes.set(xlabel="round", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=130)


def main(out: Path, steps: int, rounds: int) -> None:
    """Train, guide, draw, and print the results."""
    out.mkdir(exist_ok=True)
    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels / 16
    digits = torch.from_numpy(pixels)

    # 1. The diffusion model of unlabelled digits; the reward from half of the labels; its judge, a classifier of
    # another kind, from the other half.
    model = trained(digits, steps)
    half, other = np.array_split(np.random.default_rng(0).permutation(len(digits)), 2)
    reward = log_odds(LogisticRegression(max_iter=1000).fit(pixels[half], labels[half]))
    measure = measured(reward, SVC().fit(pixels[other], labels[other]), digits)

    # 2. Rounds of guided sampling.
    arms = {
        (name, strength): guided_rounds(model, reward, guidance, step, rounds)
        for name, guidance in GUIDANCES.items()
        for strength, step in STRENGTHS.items()
    }

    # 3. The results.
    real = digits[torch.from_numpy(labels == ZERO)]
    shown = [0, *(2**i for i in range(rounds.bit_length()))]
    images_figure(arms, measure, shown, out / "digits.png")
    curves_figure(arms, measure, real, out / "rounds.png")
    rows = [("real zeros", "", "", measure(real)), ("unguided", "", 0, measure(model.draw(model.denoiser)))]
    rows += [(*arm, number, measure(images[number])) for arm, images in arms.items() for number in shown[1:]]
    sys.stdout.write(f"{'guidance':10}  {'strength':8}  round  {'  '.join(NAMES)}\n")
    for guidance, strength, number, values in rows:
        cells = "  ".join(f"{value:{len(name)}.2f}" for name, value in zip(NAMES, values, strict=True))
        sys.stdout.write(f"{guidance:10}  {strength:8}  {number!s:>5}  {cells}\n")


if __name__ == "__main__":
    main(
        Path(sys.argv[1] if len(sys.argv) > 1 else "images"),
        int(sys.argv[2]) if len(sys.argv) > 2 else 3000,
        int(sys.argv[3]) if len(sys.argv) > 3 else 8,
    )
