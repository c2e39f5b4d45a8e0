"""Fitting a denoiser to weighted samples by denoising score matching; fine-tuning is fitting on from where it was."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gdopt.diffusion.network import PreconditionedNet
from gdopt.diffusion.schedule import log_normal
from gdopt.errors import NumericsError, StoreError

__all__ = ["Progress", "Training", "descend", "dsm_loss", "fit", "replay_mixture", "with_weights"]

Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class Training:
    """What became of a fit: the losses are 1 for noise alone and smaller the better.

    Args:
        steps: optimizer steps taken.
        losses: held-out loss at each check, in order; of the training rows where none are held out.
        best: the smallest of them; the returned weights are those it belongs to.
    """

    steps: int
    losses: tuple[float, ...]
    best: float


def dsm_loss(
    net: PreconditionedNet,
    u: Float[Tensor, "n r"],
    sigma: Float[Tensor, " n"],
    noise: Float[Tensor, "n r"],
) -> Float[Tensor, ""]:
    """The denoising score-matching loss, weighted by 1/c_out² (Karras et al. 2022, eq. 8): every level counts alike.

    |D(u + σε) - u|²/c_out² = |F - (u - c_skip(u + σε))/c_out|² along each direction, F the network's output.
    """
    noisy = u + sigma.unsqueeze(1) * noise
    c_skip, c_out, residual = net.residual(noisy, sigma)
    return (residual - (u - c_skip * noisy) / c_out).square().mean()


def fit(
    net: PreconditionedNet,
    x0: Float[Tensor, "n d"],
    generator: torch.Generator,
    *,
    weights: Float[Tensor, " n"] | None = None,
    steps: int = 3000,
    batch: int = 256,
    learning_rate: float = 1e-3,
    average: float = 0.995,
    holdout: float = 0.1,
    check_every: int = 100,
    patience: int = 8,
    progress: Progress | None = None,
) -> tuple[PreconditionedNet, Training]:
    """A copy of the network, trained on, and what became of it.

    The weights that come back are the exponential moving average at its best check on held-out rows; training stops
    when `patience` checks in a row have brought nothing better.

    Args:
        net: where to start from; not changed.
        x0: clean samples.
        generator: of the rows, levels and noise drawn.
        weights: of the rows, any positive scale; equal if left out (the paper's Algorithm 2 weights whole rounds: see
            `replay`).
        steps: optimizer steps at most.
        batch: rows in a step.
        learning_rate: of AdamW at its start; it falls to 0 along a cosine.
        average: decay of the moving average, per step.
        holdout: share of the rows that is held out to tell when to stop; 0 for none.
        check_every: steps between checks.
        patience: checks without gain before stopping.
        progress: called after each check with (step, steps, loss).

    Raises:
        NumericsError: the loss stopped being finite.
    """
    # Random numbers are the processor's, so that every device learns from the same; batches go to the network's.
    spread = net.spread.cpu()
    u = ((x0 - net.mean.to(x0)) @ net.basis.to(x0)).to(spread)
    chance = torch.ones(len(u)) if weights is None else weights.float()
    kept, held = _split(chance, holdout, generator)
    probe = [drawn.to(net.spread) for drawn in _probe(spread, u, chance, held if len(held) else kept, generator)]

    def loss(trained: PreconditionedNet) -> Float[Tensor, ""]:
        rows = kept[torch.multinomial(chance[kept], batch, replacement=True, generator=generator)]
        sigma = log_normal(batch, spread, generator)
        noise = torch.randn(batch, u.shape[1], generator=generator, dtype=u.dtype)
        return dsm_loss(trained, *(drawn.to(trained.spread) for drawn in (u[rows], sigma, noise)))

    return descend(
        net,
        loss,
        lambda averaged: dsm_loss(averaged, *probe),
        steps=steps,
        learning_rate=learning_rate,
        average=average,
        check_every=check_every,
        patience=patience,
        progress=progress,
    )


Net = TypeVar("Net", bound=torch.nn.Module)


def descend(
    net: Net,
    loss: Callable[[Net], Float[Tensor, ""]],
    check: Callable[[Net], Float[Tensor, ""]],
    *,
    steps: int,
    learning_rate: float,
    average: float,
    check_every: int,
    patience: int,
    progress: Progress | None = None,
) -> tuple[Net, Training]:
    """A copy of the network that AdamW has trained on a loss, averaged, at its best check; and what became of it.

    Args:
        net: where to start from; not changed.
        loss: of a batch that it draws.
        check: the loss that says when to stop, the same for equal networks.
        steps: optimizer steps at most.
        learning_rate: at the start; it falls to 0 along a cosine.
        average: decay of the exponential moving average of the weights, per step.
        check_every: steps between checks.
        patience: checks without gain before stopping.
        progress: called after each check with (step, steps, loss).

    Raises:
        NumericsError: the loss stopped being finite.
    """
    net = deepcopy(net).requires_grad_(True)
    ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(average))
    averaged = cast(Net, ema.module)
    optimizer = torch.optim.AdamW(net.parameters(), lr=learning_rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses: list[float] = []
    best, best_loss, stale, step = deepcopy(averaged), float("inf"), 0, 0
    for step in range(1, steps + 1):
        batch_loss = loss(net)
        optimizer.zero_grad()
        batch_loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        ema.update_parameters(net)
        if step % check_every and step != steps:
            continue
        with torch.no_grad():
            losses.append(float(check(averaged)))
        if not losses[-1] < float("inf"):
            raise NumericsError(f"the training loss is {losses[-1]} at step {step}: lower learning_rate")
        if progress is not None:
            progress(step, steps, losses[-1])
        stale = 0 if losses[-1] < best_loss else stale + 1
        if not stale:
            best, best_loss = deepcopy(averaged), losses[-1]
        if stale == patience:
            break
    return best.requires_grad_(False), Training(step, tuple(losses), best_loss)


def with_weights(net: Net, weights: Mapping[str, Tensor]) -> Net:
    """A copy of the network with the weights of an earlier fine-tuning; the network itself where there are none.

    Raises:
        StoreError: they are of another network.
    """
    if not weights:
        return net
    copy = deepcopy(net)
    try:
        copy.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise StoreError("the study's fine-tuned network belongs to another prior than the one given") from error
    return copy


def replay_mixture(
    corpus: Float[Tensor, "m d"],
    told: Float[Tensor, "n d"],
    told_weights: Float[Tensor, " n"],
    share: float = 0.5,
    corpus_weights: Float[Tensor, " m"] | None = None,
) -> tuple[Float[Tensor, "k d"], Float[Tensor, " k"]]:
    """The rows and weights of a fine-tuning set: `share` of its mass is the corpus, the rest what was told.

    The paper's Algorithm 2, step 3: Σ_j w_j E_{D_j}, with D_0 the pretraining data, whose replay keeps the prior from
    being forgotten.
    """
    old = corpus.new_ones(len(corpus)) if corpus_weights is None else corpus_weights.to(corpus)
    old = share * old / old.sum()
    new = (1 - share) * told_weights / told_weights.sum()
    return torch.cat([corpus, told.to(corpus)]), torch.cat([old, new.to(corpus)])


# Fewer rows than this are all needed for training.
SMALLEST_SPLIT = 40


def _split(chance: Float[Tensor, " n"], holdout: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out; one of weight 0 is neither."""
    order = torch.randperm(len(chance), generator=generator)
    order = order[chance[order] > 0]
    held = int(holdout * len(order)) if len(order) >= SMALLEST_SPLIT else 0
    return order[held:], order[:held]


# Levels and noise drawn for each held-out row of a check, for a loss whose own noise is below its changes.
PROBES = 1024


def _probe(
    spread: Float[Tensor, " r"],
    u: Float[Tensor, "n r"],
    chance: Float[Tensor, " n"],
    rows: Tensor,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "k r"], Float[Tensor, " k"], Float[Tensor, "k r"]]:
    """Rows in proportion to their weights, levels and noise: every check uses the same, so losses can be compared."""
    size = max(PROBES, len(rows))
    # Evenly spaced quantiles of the weights' distribution: equal weights take every row in turn.
    shares = chance[rows].double().cumsum(0) / chance[rows].double().sum()
    at = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    chosen = u[rows[torch.searchsorted(shares, at).clamp_max(len(rows) - 1)]]
    sigma = log_normal(size, spread, generator)
    return chosen, sigma, torch.randn(chosen.shape, generator=generator, dtype=u.dtype)
