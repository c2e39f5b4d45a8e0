"""A search distribution over sequences, refitted to likely improvements: cross-entropy in the style of VSD."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.acquisition.data import TrainingData, ranked_trials
from gdopt.acquisition.string_features import StringEncoder, similarity_features
from gdopt.acquisition.surrogate import fit_surrogate
from gdopt.baselines.genetic import held, one_length
from gdopt.baselines.string_learner import StringLearner, seen
from gdopt.codecs.tokens import Letters
from gdopt.diffusion.markov import MarkovDenoiser, counted
from gdopt.errors import SettingsError
from gdopt.surrogates import tanimoto
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.outcome_transforms import OutcomeTransform, power
from gdopt.trials.state import State

__all__ = ["VSD", "Chain", "refitted"]

# Attempts to draw the missing strings, before fewer strings are returned.
TRIES = 20
# The threshold rises from the first to the last quantile of the values, as published.
FIRST_LEVEL, LAST_LEVEL = 0.5, 0.99


@dataclass(frozen=True, kw_only=True)
class VSD(StringLearner):
    """Draws of a search distribution q that is fitted to p(improves | x), as variational search distributions are.

    VSD (Steinberg et al. 2024, arXiv 2409.06142) maximizes E_q[log p(y > τ | x)] - KL(q || p₀) by the gradient of its
    logarithm, with a classifier for p, a network for q, and τ rising from the median of the values to their 99 %
    quantile. Here the parts are small: p(y > τ | x) is the probability by the Gaussian process that all baselines of
    strings
    share, q is a Markov chain with its own transition matrix at each position, p₀ the Markov chain of the corpus. q is
    fitted by several steps of the cross-entropy method: sample, weight by p(y > τ | x), count. p₀ enters as
    pseudo-counts in place of the KL. This is VSD in style, and not the published algorithm. The batch is sampled from q
    without a selection.

    Args:
        draws: number of samples of q in each step.
        steps: of the cross-entropy method in an `ask`.
        strength: weight of p₀, in number of sequences.
        evaluations: number of evaluations over which τ rises; then it is constant.
        max_training_points: number of best sequences that the surrogate is fitted to.
        outcome_transform: of the values, before the surrogate is fitted.
        surrogate: the factory of the surrogate of gapped pairs of letters.
    """

    draws: int = 500
    steps: int = 4
    strength: float = 5.0
    evaluations: int = 1000
    max_training_points: int = 1000
    outcome_transform: OutcomeTransform = power
    surrogate: SurrogateFactory = tanimoto.fit

    source: ClassVar[str] = "chain"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("draws", 2), ("steps", 1), ("evaluations", 1), ("max_training_points", 2)):
            if getattr(self, name) < least:
                raise SettingsError(f"{name} = {getattr(self, name)}: expected {least} or more")
        if not self.strength > 0:
            raise SettingsError(f"strength = {self.strength}: expected more than 0")

    def propose(self, state: State, n: int, generator: torch.Generator) -> tuple[list[str], list[float]]:
        """Draws of the refitted chain."""
        sequence = one_length(state.space)
        letters = Letters(sequence)
        view = StringEncoder(sequence.name, similarity_features(state.space))
        surrogate = fit_surrogate(
            TrainingData(state, view), self.max_training_points, self.outcome_transform, self.surrogate
        )
        level = min(1.0, len(state.done) / self.evaluations)
        threshold = surrogate.y.quantile(FIRST_LEVEL + (LAST_LEVEL - FIRST_LEVEL) * level)
        prior = counted(letters.write(self.corpus), len(letters.alphabet))
        rows = letters.write([str(t.params[sequence.name]) for t in ranked_trials(state)[: self.max_training_points]])
        chain = refitted(prior, rows, self._chances(surrogate, surrogate.z, threshold), self.strength)
        for _ in range(self.steps):
            rows = held(chain.sample(self.draws, generator), sequence)
            z = view.features([one or "" for one in letters.read(rows)])
            chain = refitted(prior, rows, self._chances(surrogate, z, threshold), self.strength)
        found = dict[str, None]()
        for _ in range(TRIES):
            if len(found) >= n:
                break
            drawn = letters.read(held(chain.sample(n, generator), sequence))
            found |= dict.fromkeys(self._new(state, drawn))
        picks = list(found)[:n]
        return picks, surrogate.mean(view.features(picks)).tolist() if picks else []

    def _new(self, state: State, drawn: Sequence[str | None]) -> list[str]:
        """The drawn strings that are in the space and new."""
        known, (name,) = seen(state), state.space.names
        return [one for one in drawn if one is not None and one not in known and state.space.allows({name: one})]

    @staticmethod
    def _chances(surrogate: Surrogate, z: Float[Tensor, "n d"], threshold: Tensor) -> Float[Tensor, " n"]:
        """p(y > τ) at each row."""
        with torch.no_grad():
            mean, variance = surrogate.predict(z)
        chances: Tensor = torch.special.ndtr((mean - threshold) / variance.sqrt())
        return chances


@dataclass(frozen=True)
class Chain:
    """A Markov chain with transition probabilities of each position.

    Args:
        first: probabilities of the first token.
        steps: probabilities of each next token, a row for each preceding token.
    """

    first: Float[Tensor, " V"]
    steps: Float[Tensor, "l V V"]

    def sample(self, n: int, generator: torch.Generator) -> Int[Tensor, "n L"]:
        """n rows of tokens."""
        columns = [torch.multinomial(self.first, n, replacement=True, generator=generator)]
        for step in self.steps:
            columns.append(torch.multinomial(step[columns[-1]], 1, generator=generator).squeeze(1))
        return torch.stack(columns, 1)


def refitted(prior: MarkovDenoiser, rows: Int[Tensor, "n L"], weights: Float[Tensor, " n"], strength: float) -> Chain:
    """The chain of weighted rows of one length, with a prior chain of weight `strength` as pseudo-counts.

    Args:
        prior: the chain of the pseudo-counts.
        rows: of tokens.
        weights: of the rows, on any scale: they are scaled so that their sum is their effective number.
        strength: weight of the prior, in number of sequences.
    """
    total = weights.sum()
    # Kish's effective sample size: a few rows with all the weight are a small sample.
    each = weights * total / weights.square().sum() if total > 0 else torch.zeros_like(weights)
    tokens = prior.tokens
    alone = torch.bincount(rows[:, 0], each, tokens) + strength * prior.first
    pairs = rows[:, :-1] * tokens + rows[:, 1:]
    counts = torch.stack([torch.bincount(column, each, tokens**2) for column in pairs.T]).reshape(-1, tokens, tokens)
    steps = counts + strength / tokens * prior.step
    return Chain(alone / alone.sum(), steps / steps.sum(2, keepdim=True))
