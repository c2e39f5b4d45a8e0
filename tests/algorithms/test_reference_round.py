"""One whole learned `ask` of GuidedDiffusion, written again in NumPy.

`proposed` follows docs/algorithm.md for a box of real numbers: no prior, one objective, no failures, nothing pending.
The ranking, the warp (scipy's Yeo-Johnson), the posterior of the Gaussian process, the contraction, the centre and its
drift, the shares of the pool, all steps, the denoiser of the uniform law (scipy's truncated normal), guidance, the pool
and Thompson sampling are written out here. Two things are not: the parameters of the Gaussian process are those that
the study's own surrogate has, as fits of data that differ in the last bit differ by tenths of a percent, and up to 8
designs are selected by BoTorch's qLogNEI. PyTorch draws the same random numbers. The gradient of guidance is by central
differences, so designs agree to 1e-6.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf_discrete
from botorch.sampling import SobolQMCNormalSampler
from scipy.special import log_ndtr
from scipy.stats import truncnorm, yeojohnson

import gdopt
from gdopt.space.parameters import Params
from gdopt.study.study import Study
from gdopt.surrogates import gp
from tests.oracles import gp_posterior

D, EDGE = 5, 3**0.5
LOW, HIGH = np.array([-2.0, 0.0, -1.0, 5.0, 0.0]), np.array([3.0, 10.0, 1.0, 6.0, 1.0])
SPACE = gdopt.Space.from_bounds(list(zip(LOW.tolist(), HIGH.tolist(), strict=True)))
CANDIDATES, START, ROUNDS = 48, 6, 3
# Settings of the default.
SHARES = {"refitted": 0.25, "renoised": 0.4, "broad": 0.1, "contracted": 0.25}

Function = Callable[[np.ndarray], np.ndarray]
Posterior = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def hansen(n: int) -> np.ndarray:
    raw = np.log(n + 0.5) - np.log(np.arange(1, n + 1))
    return raw / raw.sum()


def elite(z: np.ndarray, most: int) -> np.ndarray:
    return z[: min(most, max(2, len(z) // 2))]


@dataclass
class Draws:
    """The random numbers of a study's `ask` after so many before it."""

    seed: int
    asks: int
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        word = np.random.SeedSequence([self.seed, self.asks]).generate_state(1, np.uint64)[0]
        self.generator = torch.Generator().manual_seed(int(word) >> 1)

    def normal(self, *shape: int) -> np.ndarray:
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64).numpy()

    def uniform(self, *shape: int) -> np.ndarray:
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64).numpy()

    def differences(self, rows: np.ndarray, n: int) -> np.ndarray:
        one, other = torch.randint(len(rows), (2, n), generator=self.generator).numpy()
        return (rows[one] - rows[other]) / 2**0.5

    def parents(self, z: np.ndarray, n: int) -> np.ndarray:
        best = elite(z, 24)
        weights = torch.from_numpy(hansen(len(best)))
        return best[torch.multinomial(weights, n, replacement=True, generator=self.generator).numpy()]

    def levels(self, scale: float, n: int) -> np.ndarray:
        return np.clip(scale * np.exp(0.7 * self.normal(n, 1)), 0.02, 3.0)

    def contracted(self, prior: np.ndarray, scale: float, n: int) -> np.ndarray:
        return scale * np.exp(0.5 * self.normal(n, 1)) * self.differences(prior, n)

    def carried(self, z: np.ndarray, drift: np.ndarray) -> np.ndarray:
        chosen = self.uniform(len(z), 1) < 0.5
        return z + chosen * np.exp(0.5 * self.normal(len(z), 1)) * drift


def encoded(trials: list[gdopt.Trial]) -> np.ndarray:
    x = np.array([[*t.params.values()] for t in trials], dtype=float).reshape(len(trials), D)
    return EDGE * (2 * (x - LOW) / (HIGH - LOW) - 1)


def ranked(trials: list[gdopt.Trial]) -> list[gdopt.Trial]:
    return sorted(trials, key=lambda t: -t.value)


def contraction(trials: list[gdopt.Trial]) -> float:
    """1.1 times wider after a round that improved on the best, narrower by 0.85 after a full round that did not."""
    scale, best = 0.4, max(t.value for t in trials if t.predicted is None)
    for number in sorted({t.round for t in trials if t.predicted is not None}):
        values = [t.value for t in trials if t.round == number]
        scale *= 1.1 if max(values) > best else 0.85 ** min(1, len(values) / 20)
        scale, best = min(0.7, max(0.05, scale)), max(best, *values)
    return scale


def allocated(trials: list[gdopt.Trial]) -> dict[str, float]:
    """Each share times (hits + 1)/(expected hits + 1), scaled to sum to 1."""
    tried = [t.source for t in ranked(trials) if t.source in SHARES]
    hits = tried[: min(24, round(len(tried) / 4))]
    worth = {
        name: share * (hits.count(name) + 1) / (len(hits) * tried.count(name) / max(1, len(tried)) + 1)
        for name, share in SHARES.items()
    }
    return {name: one / sum(worth.values()) for name, one in worth.items()}


def warped(y: np.ndarray) -> np.ndarray:
    gap = y.max() - y
    # PyTorch's median: of an even number, the lower of the two in the middle.
    found = yeojohnson(-gap / np.sort(gap)[(len(gap) - 1) // 2])[0]
    return (found - found.mean()) / found.std()


def posterior_of(model: SingleTaskGP, z: np.ndarray, y: np.ndarray) -> Posterior:
    """Mean and covariance of the process at rows of z, in coordinates of a third of z."""
    lengths = model.covar_module.lengthscale.detach().numpy()[0]
    constant, noise = (v.item() for v in (model.mean_module.constant, model.likelihood.noise))
    return lambda at: gp_posterior(z / 3, y, at / 3, lengths, constant, np.full(len(y), noise))


def denoised(x: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each coordinate of x0 given x, where x0 is uniform on the box."""
    return truncnorm.stats((-EDGE - x) / sigma, (EDGE - x) / sigma, loc=x, scale=sigma, moments="mv")


def gradient(function: Function, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Of a function of rows, by central differences of each row's coordinates."""
    return np.stack([(function(x + e) - function(x - e)) / (2 * step) for e in step * np.eye(D)], 1)


def guided(x: np.ndarray, sigma: np.ndarray, posterior: Posterior, best: float) -> np.ndarray:
    """D(x) + σ² times the gradient of log P(improvement) at the look-ahead D(x)."""

    clean, left = denoised(x, sigma)
    # The variance of f(x0) given x is that of the process and g' Cov[x0|x] g, of which the second is held fixed.
    spread = (left * gradient(lambda z: posterior(z)[0], clean) ** 2).sum(1)

    def log_chance(z: np.ndarray) -> np.ndarray:
        mean, covariance = posterior(z)
        return log_ndtr((mean - best) / np.sqrt(np.diag(covariance) + spread))

    # dD/dx is the variance over σ², coordinate by coordinate.
    return clean + left * gradient(log_chance, clean)


def by_thompson(posterior: Posterior, at: np.ndarray, n: int, draws: Draws) -> list[int]:
    """The best of each of n joint draws at half of the spread that no draw before it took."""
    mean, covariance = posterior(at)
    # In five dimensions candidates are far enough apart for a root without jitter.
    root = np.linalg.cholesky(covariance)
    taken: list[int] = []
    for values in mean + 0.5 * draws.normal(n, len(at)) @ root.T:
        values[taken] = -np.inf
        taken.append(int(values.argmax()))
    return taken


def by_qlognei(model: SingleTaskGP, z: np.ndarray, at: np.ndarray, n: int, draws: Draws) -> list[int]:
    """The best addition to those before it by BoTorch's qLogNEI over all candidates, n times."""
    seed = int(torch.randint(2**31, (1,), generator=draws.generator))
    sampler = SobolQMCNormalSampler(torch.Size([128]), seed=seed)
    known = torch.from_numpy(z / 3)
    improvement = qLogNoisyExpectedImprovement(model, known, sampler, prune_baseline=False, cache_root=False)
    chosen, _ = optimize_acqf_discrete(improvement, q=n, choices=torch.from_numpy(at / 3), unique=True)
    return [int(np.abs(at / 3 - one).sum(1).argmin()) for one in chosen.numpy()]


def proposed(
    trials: list[gdopt.Trial], n: int, seed: int, asks: int, fitted: gp.GaussianProcess
) -> tuple[np.ndarray, list[str]]:
    """The n designs that the ask proposes, in the space's own units, and where each comes from."""
    draws, best_first = Draws(seed, asks), ranked(trials)
    z, y = encoded(best_first), warped(np.array([t.value for t in best_first]))
    prior = EDGE * (2 * draws.uniform(1024, D) - 1)
    scale = contraction(trials)
    last = max(t.round for t in trials if t.predicted is not None)
    before = elite(encoded(ranked([t for t in trials if t.round < last])), 12)
    centre = hansen(len(elite(z, 12))) @ elite(z, 12)
    drift = centre - hansen(len(before)) @ before
    np.testing.assert_allclose(fitted.z, z, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fitted.y, y, rtol=0, atol=1e-9)
    posterior = posterior_of(fitted.model, z, y)
    count = {name: round(share * CANDIDATES) for name, share in allocated(trials).items()}

    own = 0.7 * np.exp(0.6 * draws.normal(count["refitted"], 1)) * draws.differences(z[:80], count["refitted"])
    steps = own + 0.3 * draws.contracted(prior, scale, count["refitted"])
    refitted = draws.carried(centre + steps, drift)
    # The parents of the categories and their noise levels are drawn although there are no categories.
    draws.parents(z[:80], count["refitted"]), draws.levels(scale, count["refitted"])

    start = draws.carried(draws.parents(z[:80], count["renoised"]), drift)
    sigma = draws.levels(scale, count["renoised"])
    renoised = start + sigma * draws.normal(*start.shape)
    for kept, level in ((0.4, 1.0), (0.4, 0.4), (0.4, 0.16), (0.0, 0.064)):
        clean = guided(renoised, sigma * level, posterior, y.max())
        renoised = clean + kept * (renoised - clean)

    anywhere = EDGE * (2 * draws.uniform(5000, D) - 1)
    parts = [posterior(part) for part in np.split(anywhere, 20)]
    bound = np.concatenate([mean + np.sqrt(np.diag(covariance)) for mean, covariance in parts])
    broad = anywhere[np.argsort(-bound)[: count["broad"]]]

    contracted = draws.carried(centre + draws.contracted(prior, scale, count["contracted"]), drift)

    pool = np.clip(np.concatenate([refitted, renoised, broad, contracted]), -EDGE, EDGE)
    # Of candidates in the same corner of the box, the first is kept.
    new = np.sort(np.unique(pool, axis=0, return_index=True)[1])
    at = pool[new]
    picks = by_qlognei(fitted.model, z, at, n, draws) if n <= 8 else by_thompson(posterior, at, n, draws)
    sources = [name for name in SHARES for _ in range(count[name])]
    return LOW + (at[picks] / EDGE + 1) / 2 * (HIGH - LOW), [sources[new[i]] for i in picks]


def objective(params: Params) -> float:
    x = (np.array([*params.values()]) - LOW) / (HIGH - LOW)
    return float(-((x - [0.3, 0.6, 0.5, 0.1, 0.8]) ** 2).sum() + 0.1 * np.sin(9 * x).sum())


@pytest.mark.parametrize("n", [4, 9])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_whole_ask_proposes_what_the_reference_in_numpy_proposes(seed: int, n: int) -> None:
    fits: list[gp.GaussianProcess] = []

    def fit(*data: torch.Tensor | None) -> gp.GaussianProcess:
        fits.append(gp.fit(*data))
        return fits[-1]

    algorithm = gdopt.GuidedDiffusion(candidates=CANDIDATES, n_initial=START, surrogate=fit)
    study = Study(SPACE, direction="maximize", algorithm=algorithm, seed=seed)
    for size in (START, *[n] * (ROUNDS - 1)):
        study.tell({t.id: objective(t.params) for t in study.ask(size)})
    told = study.trials
    new = study.ask(n)
    designs, sources = proposed(told, n, seed, ROUNDS, fits[-1])
    assert [t.source for t in new] == sources
    np.testing.assert_allclose([[*t.params.values()] for t in new], designs, rtol=0, atol=1e-6)
