"""Masked diffusion on tokens: noise hides tokens one by one, the denoiser says what each hidden one may have been.

Sahoo et al. 2024 (arXiv 2406.07524): for the process that replaces tokens by a mask, the clean law given a noisy
design depends on what is visible only, not on the time. So a denoiser is p(token | what is visible), and sampling is
to reveal the hidden tokens in random order. Guidance is a function from denoiser to denoiser, as for numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

__all__ = ["Restricted", "Tilted", "TokenDenoiser", "Value", "chosen", "hidden", "softened", "unmask"]


@runtime_checkable
class TokenDenoiser(Protocol):
    """What hidden tokens may have been.

    Rows of x have tokens 0 to tokens - 1 where they are visible, `tokens` where one is hidden, and `tokens + 1` beyond
    the end of a row that is shorter than others.
    """

    @property
    def tokens(self) -> int:
        """V, the number of different tokens."""
        ...

    def __call__(self, x: Int[Tensor, "n L"], /) -> Float[Tensor, "n L V"]:
        """log p(token | what is visible) at each place; of no meaning where x is visible."""
        ...


# Rows, each place a distribution over tokens, to one number a row; differentiable.
Value = Callable[[Tensor], Tensor]


def hidden(x: Int[Tensor, "n L"], tokens: int) -> Bool[Tensor, "n L"]:
    """Which places are masked."""
    return x == tokens


def unmask(
    denoiser: TokenDenoiser, x: Int[Tensor, "n L"], generator: torch.Generator, steps: int | None = None
) -> Int[Tensor, "n L"]:
    """The rows with their hidden tokens drawn, in random order.

    Exact for an exact denoiser if every step reveals one token of a row; tokens of one step are drawn as if they were
    independent.

    Args:
        denoiser: of the tokens.
        x: rows with hidden places.
        generator: of the order and the draws.
        steps: calls of the denoiser at most, by default as many as the row with most hidden tokens has.
    """
    x = x.clone()
    limit = x.shape[1] if steps is None else steps
    for step in range(limit):
        masked = hidden(x, denoiser.tokens)
        rows = masked.any(1).nonzero().flatten()
        if not len(rows):
            break
        masked = masked[rows]
        drawn = _drawn(denoiser, x[rows], generator)
        count = (masked.sum(1, keepdim=True) / (limit - step)).ceil()
        x[rows] = torch.where(chosen(masked, count, generator), drawn, x[rows])
    return x


def chosen(
    places: Bool[Tensor, "n L"], count: Shaped[Tensor, "n 1"], generator: torch.Generator
) -> Bool[Tensor, "n L"]:
    """So many of each row's places, at random; all of them where there are no more."""
    order = torch.rand(places.shape, generator=generator).masked_fill(~places, 2.0).argsort(1).argsort(1)
    return places & (order < count)


# Rows that the denoiser sees at once: more take memory and no less time.
ROWS = 256


def _drawn(denoiser: TokenDenoiser, x: Int[Tensor, "n L"], generator: torch.Generator) -> Int[Tensor, "n L"]:
    """A draw of each place's law, by Gumbel's trick; of no meaning beyond the end of a row."""
    logits = torch.zeros(*x.shape, denoiser.tokens, dtype=torch.float64)
    ends = (x <= denoiser.tokens).sum(1)
    # Rows of like lengths together, without the columns beyond all of their ends.
    for rows in ends.argsort(stable=True).split(ROWS):
        width = int(ends[rows].amax())
        with torch.no_grad():
            logits[rows, :width] = denoiser(x[rows, :width]).double()
    noise = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
    return (logits - (-noise.log()).log()).argmax(2)


def softened(x: Int[Tensor, "n L"], log_law: Float[Tensor, "n L V"]) -> Float[Tensor, "n L V"]:
    """The predicted clean design: each visible token for certain, each hidden one by its law, nothing beyond the end.

    The discrete form of the look-ahead D(x) = E[x₀|x].
    """
    tokens = log_law.shape[2]
    known = torch.nn.functional.one_hot(x.clamp_max(tokens), tokens + 1)[..., :-1]
    soft = torch.where(hidden(x, tokens).unsqueeze(2), log_law.exp(), known.to(log_law))
    return soft * (x <= tokens).unsqueeze(2)


@dataclass(frozen=True)
class Tilted:
    """The denoiser of p(x₀) exp(strength v(x₀)), to first order at the look-ahead.

    With x̂ the predicted clean design and g = ∂v/∂x̂, setting place i to token a changes v by g_ia - Σ_b p_ib g_ib;
    that times the strength is added to log p. Exact for independent tokens and a value that is linear in them.
    """

    denoiser: TokenDenoiser
    value: Value
    strength: float = 1.0

    @property
    def tokens(self) -> int:
        """V, the number of different tokens."""
        return self.denoiser.tokens

    def __call__(self, x: Int[Tensor, "n L"]) -> Float[Tensor, "n L V"]:
        """log p of each token, tilted."""
        with torch.no_grad():
            log_law = self.denoiser(x)
            soft = softened(x, log_law)
        with torch.enable_grad():
            at = soft.requires_grad_(True)
            (slope,) = torch.autograd.grad(self.value(at).sum(), at)
        return (log_law + self.strength * slope).log_softmax(2)


@dataclass(frozen=True)
class Restricted:
    """A denoiser that never says a token where it is not allowed: log p elsewhere, scaled to sum to 1."""

    denoiser: TokenDenoiser
    allowed: Bool[Tensor, "L V"]

    @property
    def tokens(self) -> int:
        """V, the number of different tokens."""
        return self.denoiser.tokens

    def __call__(self, x: Int[Tensor, "n L"]) -> Float[Tensor, "n L V"]:
        """log p of each token, -∞ where it is not allowed."""
        return self.denoiser(x).masked_fill(~self.allowed[: x.shape[1]], -torch.inf).log_softmax(2)
