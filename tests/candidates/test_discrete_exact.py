"""Discrete parameters against the exact probabilities of all combinations of categories, found by enumeration."""

from collections.abc import Callable
from itertools import permutations, product

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from gdopt import Choice, Integer, Real, Space
from gdopt.candidates.discrete import GUIDED, CategoricalProduct, frequencies, random_mask, refitted_probabilities
from gdopt.codecs.box import BoxCodec
from tests.oracles import f64, seeded

SIZES = (3, 2, 3)
CODEC = BoxCodec(
    Space([Choice("c", ["p", "q", "r"]), Real("x", 0, 1), Integer("k", 0, 1), Choice("o", ["s", "m", "l"], True)])
)
PROBABILITIES = ([0.2, 0.5, 0.3], [0.4, 0.6], [0.35, 0.4, 0.25])
COMBINATIONS = list(product(*map(range, SIZES)))
N = 30_000
# A test with a seed that is fixed: what is drawn wrongly by a hundredth has a p-value far below this.
REFUTED = 1e-3

# The log of how much likelier a combination is made.
Log = Callable[[tuple[int, ...]], float]


def law() -> CategoricalProduct:
    return CategoricalProduct(tuple(CODEC.blocks), tuple(map(f64, PROBABILITIES)), CODEC.inpainting_mask)


def rows(combination: tuple[int, ...], n: int = N) -> Tensor:
    """z of n designs with these categories."""
    z = torch.full((1, CODEC.dim), 0.25, dtype=torch.float64)
    for block, category in zip(CODEC.blocks, combination, strict=True):
        z[:, block.columns] = block.points[category]
    return z.repeat(n, 1)


def counts(z: Tensor) -> np.ndarray:
    """How often each combination is drawn, by the names of its categories."""
    names = {"c": ["p", "q", "r"], "k": [0, 1], "o": ["s", "m", "l"]}
    different, times = z.unique(dim=0, return_counts=True)
    found = dict.fromkeys(COMBINATIONS, 0)
    for params, count in zip(CODEC.decode(different), times.tolist(), strict=True):
        found[tuple(of.index(params[name]) for name, of in names.items())] += count
    return np.array([*found.values()])


def assert_drawn_from(z: Tensor, expected: dict[tuple[int, ...], float]) -> None:
    chances = np.array([expected.get(one, 0.0) for one in COMBINATIONS])
    assert chances.sum() == pytest.approx(1)
    found, possible = counts(z), chances > 0
    assert found[~possible].sum() == 0
    assert chisquare(found[possible], len(z) * chances[possible]).pvalue > REFUTED


def of_product() -> dict[tuple[int, ...], float]:
    return {one: float(np.prod([p[i] for p, i in zip(PROBABILITIES, one, strict=True)])) for one in COMBINATIONS}


def tilt_of(log: Log) -> Callable[[Tensor, Tensor], Tensor]:
    table = torch.zeros(SIZES, dtype=torch.float64)
    for one in COMBINATIONS:
        table[one] = log(one)

    def tilt(z: Tensor, rows: Tensor) -> Tensor:
        # Quicker than by decoding: the nearest point of each block.
        places = [torch.cdist(z[:, block.columns], block.points).argmin(1) for block in CODEC.blocks]
        return table[tuple(places)]

    return tilt


def swept(start: tuple[int, ...], log: Log, blocks: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """The exact distribution after each of some blocks was drawn once given the others, by Bayes' rule, in order."""
    chances = {start: 1.0}
    for block in blocks:
        after: dict[tuple[int, ...], float] = {}
        for one, chance in chances.items():
            options = [(*one[:block], i, *one[block + 1 :]) for i in range(SIZES[block])]
            weights = np.array(PROBABILITIES[block]) * np.exp([log(option) for option in options])
            for option, weight in zip(options, weights / weights.sum(), strict=True):
                after[option] = after.get(option, 0.0) + chance * float(weight)
        chances = after
    return chances


def mixed(parts: list[tuple[float, dict[tuple[int, ...], float]]]) -> dict[tuple[int, ...], float]:
    return {one: sum(weight * part.get(one, 0.0) for weight, part in parts) for one in COMBINATIONS}


def test_draws_have_the_probabilities_of_the_product() -> None:
    assert_drawn_from(law().sample(rows((1, 0, 2)), seeded(1)), of_product())


def test_a_tilt_that_is_a_sum_over_parameters_gives_bayes_posterior() -> None:
    terms = ([0.0, 1.0, -0.5], [0.7, 0.0], [0.0, 0.3, 2.0])

    def log(one: tuple[int, ...]) -> float:
        return sum(term[i] for term, i in zip(terms, one, strict=True))

    weights = {one: chance * np.exp(log(one)) for one, chance in of_product().items()}
    posterior = {one: weight / sum(weights.values()) for one, weight in weights.items()}
    # All is hidden at this level of noise.
    everything = torch.full((N,), 2.0, dtype=torch.float64)
    assert_drawn_from(law().resample_guided(rows((0, 0, 0)), everything, tilt_of(log), seeded(3)), posterior)


def interaction(one: tuple[int, ...]) -> float:
    """Neither a sum over the parameters nor symmetric in them."""
    return 2.0 * (one[0] == 2 and one[2] == 1) - 1.0 * (one[1] == 1) * one[2] + 0.5 * (one == (1, 0, 0))


def test_a_tilt_of_combinations_is_that_of_one_sweep_in_random_order() -> None:
    start = (1, 1, 2)
    expected = mixed([(1 / 6, swept(start, interaction, order)) for order in permutations(range(3))])
    everything = torch.full((N,), 2.0, dtype=torch.float64)
    assert_drawn_from(law().resample_guided(rows(start), everything, tilt_of(interaction), seeded(4)), expected)


def chances_of_hiding(share: float) -> dict[tuple[int, ...], float]:
    """The probability of each set of hidden blocks: each with a probability, one of all alike where none is."""
    some = {
        tuple(np.flatnonzero(mask).tolist()): share ** sum(mask) * (1 - share) ** (3 - sum(mask))
        for mask in product([0, 1], repeat=3)
    }
    none = some.pop(())
    return {blocks: chance + (none / 3 if len(blocks) == 1 else 0.0) for blocks, chance in some.items()}


def test_refilled_designs_have_the_exact_distribution_at_a_middle_level_of_noise() -> None:
    start = (0, 1, 2)
    parts = []
    for blocks, chance in chances_of_hiding(0.4).items():
        orders = list(permutations(blocks))
        parts += [(chance / len(orders), swept(start, interaction, order)) for order in orders]
    noise = torch.full((N,), 0.4, dtype=torch.float64)
    assert_drawn_from(law().resample_guided(rows(start), noise, tilt_of(interaction), seeded(5)), mixed(parts))


def test_varied_designs_have_the_exact_distribution_about_their_parents() -> None:
    parent = (2, 0, 1)
    # At a noise of 0.8 each parameter is drawn anew with a probability of 0.4, without a tilt.
    parts = [(p, swept(parent, lambda _: 0.0, blocks)) for blocks, p in chances_of_hiding(0.4).items()]
    noise = torch.full((N,), 0.8, dtype=torch.float64)
    z = rows((0, 1, 0))
    varied = law().resample_masked(z, rows(parent), noise, seeded(6))
    assert_drawn_from(varied, mixed(parts))
    assert torch.equal(varied[:, ~CODEC.inpainting_mask], z[:, ~CODEC.inpainting_mask])


def test_each_set_of_parameters_is_hidden_as_often_as_by_enumeration() -> None:
    where = random_mask(N, 3, torch.full((N,), 0.25, dtype=torch.float64), seeded(7))
    sets = [tuple(row.nonzero().flatten().tolist()) for row in where]
    expected = chances_of_hiding(0.25)
    found = np.array([sets.count(one) for one in expected])
    assert found.sum() == N
    assert chisquare(found, N * np.array([*expected.values()])).pvalue > REFUTED


def test_beyond_64_parameters_the_rest_is_drawn_without_the_tilt() -> None:
    codec = BoxCodec(Space([Choice(f"c{i}", ["no", "yes"]) for i in range(70)]))
    law = CategoricalProduct(tuple(codec.blocks), (f64([0.5, 0.5]),) * 70, codec.inpainting_mask)
    z = codec.encode([{f"c{i}": "no" for i in range(70)}]).repeat(200, 1)
    yes = torch.stack([block.points[1] for block in codec.blocks])

    def tilt(z: Tensor, rows: Tensor) -> Tensor:
        # Each "yes" is e^50 times likelier: certain wherever the tilt is asked for.
        return 50.0 * (z.reshape(len(z), 70, 2) == yes).all(-1).sum(1)

    refilled = law.resample_guided(z, torch.full((200,), 2.0, dtype=torch.float64), tilt, seeded(8))
    ones = (refilled.reshape(200, 70, 2) == yes).all(-1).sum(1).double()
    assert GUIDED == 64
    assert ones.min() >= 64
    # Six fair coins beside: a variance of 1.5, four standard errors of 200 rows.
    assert float(ones.mean()) == pytest.approx(67, abs=4 * (1.5 / 200) ** 0.5)


def test_categories_tried_in_parts_are_those_tried_at_once() -> None:
    codec = BoxCodec(Space([Choice("letter", [str(i) for i in range(500)]), Real("x", 0, 1)]))
    law = CategoricalProduct(
        tuple(codec.blocks), (torch.full((500,), 1 / 500, dtype=torch.float64),), codec.inpainting_mask
    )
    # 20 rows of 500 categories in 501 columns are five million numbers: two parts.
    z, wanted = codec.encode([{"letter": "0", "x": 0.5}] * 20), torch.arange(20) * 25
    sizes = []

    def tilt(z: Tensor, rows: Tensor) -> Tensor:
        sizes.append(len(z))
        return 100.0 * (z[:, :500].argmax(1) == wanted[rows])

    refilled = law.resample_guided(z, torch.ones(20, dtype=torch.float64), tilt, seeded(9))
    assert refilled[:, :500].argmax(1).tolist() == wanted.tolist()
    assert len(sizes) == 2
    assert sum(sizes) == 20 * 500


# Shares and frequencies.


@pytest.mark.parametrize("broad", [0.0, 0.3, 1.0])
def test_shares_are_weighted_counts_and_a_part_of_the_prior(broad: float) -> None:
    rng = np.random.default_rng(0)
    elite = [COMBINATIONS[i] for i in rng.integers(len(COMBINATIONS), size=7)]
    weights, prior = rng.random(7), ([0.1, 0.1, 0.8], [0.5, 0.5], [0.3, 0.6, 0.1])
    z = torch.cat([rows(one, 1) for one in elite])
    found = refitted_probabilities(z, torch.from_numpy(weights), CODEC.blocks, broad, list(map(f64, prior)))
    for block, (probabilities, base) in enumerate(zip(found, prior, strict=True)):
        for category, probability in enumerate(probabilities.tolist()):
            own = sum(w for w, one in zip(weights, elite, strict=True) if one[block] == category) / weights.sum()
            assert probability == pytest.approx((1 - broad) * own + broad * base[category])


def test_frequencies_are_laplaces_of_the_weighted_corpus() -> None:
    corpus, weights = [(0, 1, 2), (0, 0, 2), (2, 1, 2)], [2.0, 1.0, 0.5]
    z = torch.cat([rows(one, 1) for one in corpus])
    first, second, third = (one.tolist() for one in frequencies(z, f64(weights), CODEC.blocks))
    assert first == pytest.approx([4 / 6.5, 1 / 6.5, 1.5 / 6.5])
    assert second == pytest.approx([2 / 5.5, 3.5 / 5.5])
    assert third == pytest.approx([1 / 6.5, 1 / 6.5, 4.5 / 6.5])
