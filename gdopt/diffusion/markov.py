"""The exact denoiser of a Markov chain: for tokens what the Gaussian law is for numbers.

It is fitted by counting, and fine-tuned by counting again with weights. A network of tokens is trained on top of it, so
that it learns only what is not Markov (`gdopt.diffusion.token_network`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from torch import Tensor

__all__ = ["MarkovDenoiser", "counted"]


@dataclass(frozen=True)
class MarkovDenoiser:
    """p(token | what is visible) of a Markov chain, by the forward-backward algorithm (Rabiner 1989, section III).

    Args:
        first: the law of the first token.
        step: the law of the next token, a row for each token.
    """

    first: Float[Tensor, " V"]
    step: Float[Tensor, "V V"]

    @property
    def tokens(self) -> int:
        """V, the number of different tokens."""
        return len(self.first)

    def __call__(self, x: Int[Tensor, "n L"]) -> Float[Tensor, "n L V"]:
        """log p of each token at each place, were it hidden."""
        seen = self._seen(x)
        ahead, behind = [self.first.expand(len(x), -1)], [torch.ones_like(seen[:, 0])]
        for at in range(1, x.shape[1]):
            ahead.append(_scaled((ahead[-1] * seen[:, at - 1]) @ self.step))
            behind.append(_scaled((behind[-1] * seen[:, -at]) @ self.step.T))
        law = torch.stack(ahead, 1) * torch.stack(behind[::-1], 1)
        return (law / law.sum(2, keepdim=True)).log()

    def _seen(self, x: Int[Tensor, "n L"]) -> Float[Tensor, "n L V"]:
        """1 for each token that a place may have: the visible one, or all where it is hidden or beyond the end."""
        one_hot = torch.nn.functional.one_hot(x.clamp_max(self.tokens), self.tokens + 1)[..., :-1].to(self.step)
        return torch.where((x < self.tokens).unsqueeze(2), one_hot, 1.0)


def counted(x: Int[Tensor, "n L"], tokens: int, weights: Float[Tensor, " n"] | None = None) -> MarkovDenoiser:
    """The chain that rows of tokens have been drawn from, by weighted counts.

    The law after a token is its counts and κ times the law of tokens at large, scaled to sum to 1 (a Dirichlet prior);
    κ is the likeliest when each transition is left out in turn.

    Args:
        x: rows, V + 1 beyond their ends.
        tokens: V.
        weights: of the rows, any positive scale; equal if left out.
    """
    each = torch.ones(len(x)) if weights is None else weights.double() * len(x) / weights.double().sum()
    each = each.double().unsqueeze(1).expand(x.shape)
    there = x < tokens
    alone = torch.bincount(x[there], each[there], tokens) + 1 / tokens
    alone = alone / alone.sum()
    both = there[:, 1:]
    pairs = torch.bincount((x[:, :-1] * tokens + x[:, 1:])[both], each[:, 1:][both], tokens**2)
    # Of no pairs at all, bincount makes whole numbers.
    counts = pairs.double().reshape(tokens, tokens)
    first = torch.bincount(x[:, 0], each[:, 0], tokens)
    kappa = _likeliest(counts, alone)
    return MarkovDenoiser(_smoothed(first, alone, kappa), _smoothed(counts, alone, kappa))


# Limits of κ on a logarithmic scale: from next to nothing to many rows' worth.
LEAST, MOST = -7.0, 7.0


def _likeliest(counts: Float[Tensor, "V V"], alone: Float[Tensor, " V"]) -> float:
    """κ of the best leave-one-out likelihood."""
    total = counts.sum(1, keepdim=True)

    def surprise(log_kappa: float) -> float:
        kappa = torch.tensor(log_kappa, dtype=torch.float64).exp()
        left = ((counts - 1).clamp_min(0) + kappa * alone) / ((total - 1).clamp_min(0) + kappa)
        return -float((counts * left.log()).sum())

    return float(torch.tensor(minimize_scalar(surprise, bounds=(LEAST, MOST), method="bounded").x).exp())


def _smoothed(counts: Float[Tensor, "*b V"], alone: Float[Tensor, " V"], kappa: float) -> Float[Tensor, "*b V"]:
    return (counts + kappa * alone) / (counts.sum(-1, keepdim=True) + kappa)


def _scaled(rows: Float[Tensor, "n V"]) -> Float[Tensor, "n V"]:
    """The rows divided by their sums: what they are a multiple of does not matter, and must not underflow."""
    return rows / rows.sum(1, keepdim=True)
