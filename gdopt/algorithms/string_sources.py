"""The sources of candidate strings: masked pieces of good strings, children of molecular graphs, the corpus."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.acquisition.string_features import StringEncoder, of_one_length
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.candidates.steps import elite_size, elite_weights
from gdopt.candidates.token_edits import mask_crossover, mask_random, mask_unimportant, mask_window
from gdopt.diffusion.masked import TokenDenoiser, unmask
from gdopt.priors.masked import MaskedPrior
from gdopt.surrogates.multi_output import MultiOutputSurrogate

__all__ = ["StringSources"]

# Strings of the corpus are ranked by mean + OPTIMISM standard deviations.
OPTIMISM = 1.0
# Number of best parents whose tokens are rated by the cost of a change.
RATED = 20
# Calls of the denoiser that unmask a string: more are more exact, and slower.
UNMASK_STEPS = 6

# Whether a string may be proposed, given the strings that were tried.
IsNew = Callable[[str, set[str]], bool]


@dataclass(frozen=True)
class StringSources:
    """All sources of candidate strings of one `ask`.

    Args:
        prior: with the corpus, the tokens and blank rows.
        net: the denoiser, under guidance or not.
        surrogate: of the objectives and constraints.
        encoder: of the surrogate's inputs.
        is_new: whether a string may be proposed.
        generator: of all draws.
        generations: of the pool.
        n_elite: number of parents, at most.
        mask_fraction: masked share of a string, about.
        max_expected_loss: of the surrogate's mean by masking unimportant tokens.
        thompson_scale: factor on the posterior standard deviation in Thompson sampling.
    """

    prior: MaskedPrior
    net: TokenDenoiser
    surrogate: MultiOutputSurrogate
    encoder: StringEncoder
    is_new: IsNew
    generator: torch.Generator
    generations: int
    n_elite: int
    mask_fraction: float
    max_expected_loss: float
    thompson_scale: float

    def pool(self, shares: Mapping[str, float], size: int, ranked: Sequence[str], known: set[str]) -> dict[str, str]:
        """About `size` new strings, each with its source.

        Args:
            shares: of the sources.
            size: of the pool.
            ranked: measured strings, best first.
            known: strings that were tried.
        """
        shares = dict(shares)
        pool = dict.fromkeys(self._from_corpus(round(shares.pop("corpus", 0.0) * size), known), "corpus")
        parents = list(ranked[: elite_size(len(ranked), self.n_elite)])
        weights = elite_weights(len(parents))
        for generation in range(self.generations):
            costs = self._costs(parents[:RATED]) if shares.get("spared") else None
            for source, share in shares.items():
                count = round(share * size / self.generations)
                if source == "bred":
                    made = self._bred(parents, weights, count, known | set(pool))
                else:
                    rows = self._masked(source, parents, weights, costs, count)
                    made = self.prior.tokens.read(unmask(self.net, rows, self.generator, UNMASK_STEPS))
                for one in made:
                    if one is not None and one not in pool and self.is_new(one, known):
                        pool[one] = source
            if pool and generation + 1 < self.generations:
                strings = list(pool)
                z, n = self.encoder.features(strings), min(self.n_elite, len(strings))
                best = thompson_sampling(self.surrogate, z, n, self.thompson_scale, self.generator)
                parents = [strings[i] for i in best]
                weights = torch.ones(len(parents), dtype=torch.float64)
        return pool

    def _bred(self, parents: Sequence[str], weights: Float[Tensor, " k"], n: int, known: set[str]) -> list[str | None]:
        """n molecules of pieces of two parents each, none of them known."""
        from gdopt.molecules.graph_operators import mol_ga  # needs the extra `molecules`

        return [*mol_ga(parents, weights, n, self.generator, known)]

    def _from_corpus(self, n: int, known: set[str]) -> list[str]:
        """n new strings of the corpus with the highest upper confidence bounds."""
        rest = [one for one in self.prior.corpus if one not in known]
        if not n or not rest:
            return []
        order = self.surrogate.upper_confidence_bound(self.encoder.features(rest), OPTIMISM).argsort(descending=True)
        return list(islice((one for i in order.tolist() if self.is_new(one := rest[i], known)), n))

    def _masked(
        self,
        source: str,
        parents: Sequence[str],
        weights: Float[Tensor, " k"],
        costs: tuple[Tensor, Tensor] | None,
        n: int,
    ) -> Int[Tensor, "n L"]:
        """Rows of parents with a part masked, as the source does it; `costs` is the result of `_costs`."""
        tokens, generator = self.prior.tokens, self.generator
        count, stretch = len(tokens.alphabet), not of_one_length(self.prior.space)

        def rows() -> Int[Tensor, "n L"]:
            drawn = torch.multinomial(weights, n, replacement=True, generator=generator).tolist()
            return tokens.write([parents[i] for i in drawn], generator)

        if source == "drawn" or not n:
            return self.prior.blank(n, generator)
        if source == "spared" and costs is not None:
            written, each = costs
            chosen = torch.multinomial(weights[: len(written)], n, replacement=True, generator=generator)
            return mask_unimportant(written[chosen], each[chosen], self.max_expected_loss, count, generator)
        if source == "crossed":
            return mask_crossover(rows(), rows(), count, generator, stretch=stretch)
        if source == "scattered":
            return mask_random(rows(), count, self.mask_fraction, generator)
        return mask_window(rows(), count, self.mask_fraction, generator, stretch=stretch)

    def _costs(self, parents: Sequence[str]) -> tuple[Int[Tensor, "k L"], Float[Tensor, "k L"]]:
        """A row for each parent, and the loss of the surrogate's mean when the token at each place is drawn anew.

        A gain costs nothing. A place whose draw is no string, or the parent again, has the median cost of its row.
        """
        tokens, surrogate, encoder = self.prior.tokens, self.surrogate, self.encoder
        x = tokens.write(parents, self.generator)
        k, length = x.shape
        masked = torch.eye(length, dtype=torch.bool) & (x < len(tokens.alphabet)).unsqueeze(1)
        row, place = masked.any(2).nonzero().T
        rows = x[row].masked_fill(masked[row, place], len(tokens.alphabet))
        changed = tokens.read(unmask(self.net, rows, self.generator, 1))
        before = surrogate.mean(encoder.features(parents))
        valid = [i for i, one in enumerate(changed) if one is not None and one != parents[row[i]]]
        after = surrogate.mean(encoder.features([str(changed[i]) for i in valid]))
        costs = torch.full((k, length), torch.nan, dtype=before.dtype)
        costs[row[valid], place[valid]] = (before[row[valid]] - after).clamp_min(0)
        typical = costs.nanmedian(1, keepdim=True).values.nan_to_num(0.0)
        return x, torch.where(costs.isnan(), typical, costs)
