"""Masked diffusion against laws of short sequences that are known by enumeration."""

from dataclasses import dataclass
from itertools import product

import pytest
import torch
from torch import Tensor

from gdopt.diffusion.markov import MarkovDenoiser, counted
from gdopt.diffusion.masked import Restricted, Tilted, TokenDenoiser, softened, unmask
from gdopt.diffusion.token_network import fit, masked_loss, token_network

TOKENS, LENGTH = 3, 3
# Every sequence there is, one a row.
ALL = torch.tensor(list(product(range(TOKENS), repeat=LENGTH)))
STEP = torch.tensor([[0.7, 0.2, 0.1], [0.05, 0.15, 0.8], [0.5, 0.0, 0.5]], dtype=torch.float64)
FIRST = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)


def chain() -> Tensor:
    """The probability of every sequence of `ALL` under the chain."""
    return FIRST[ALL[:, 0]] * STEP[ALL[:, :-1], ALL[:, 1:]].prod(1)


def paired() -> Tensor:
    """A law that is no chain's: three times as likely if the last token is the first."""
    law = chain() * torch.where(ALL[:, 0] == ALL[:, -1], 3.0, 1.0)
    return law / law.sum()


@dataclass(frozen=True)
class Exact:
    """The denoiser of a law of all sequences, by summing over those that agree with what is visible."""

    law: Tensor
    tokens: int = TOKENS

    def __call__(self, x: Tensor) -> Tensor:
        agree = ((x.unsqueeze(1) == ALL) | (x.unsqueeze(1) == TOKENS)).all(2)
        weights = agree * self.law
        one_hot = torch.nn.functional.one_hot(ALL, TOKENS).double()
        joint = torch.einsum("ns,slv->nlv", weights, one_hot)
        return (joint / joint.sum(2, keepdim=True)).log()


def frequencies(rows: Tensor) -> Tensor:
    """The share of the rows that each sequence of `ALL` has."""
    place = TOKENS ** torch.arange(LENGTH - 1, -1, -1)
    return torch.bincount((rows * place).sum(1), minlength=len(ALL)).double() / len(rows)


def variation(p: Tensor, q: Tensor) -> float:
    """The total variation between two laws."""
    return float((p - q).abs().sum() / 2)


def blank(n: int) -> Tensor:
    return torch.full((n, LENGTH), TOKENS)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_exact_denoiser_reveals_draws_of_its_law(generator: torch.Generator) -> None:
    rows = unmask(Exact(chain()), blank(20_000), generator)
    # 20,000 draws of 27 states differ from their law by 0.01 in the mean.
    assert variation(frequencies(rows), chain()) < 0.02


def test_revealing_keeps_what_is_visible_and_draws_the_rest_by_the_posterior(generator: torch.Generator) -> None:
    x = torch.tensor([1, TOKENS, 0]).expand(20_000, LENGTH)
    rows = unmask(Exact(chain()), x, generator)
    given = chain() * (ALL[:, 0] == 1) * (ALL[:, 2] == 0)
    assert variation(frequencies(rows), given / given.sum()) < 0.02


def test_tokens_of_one_step_are_drawn_as_if_independent(generator: torch.Generator) -> None:
    rows = unmask(Exact(chain()), blank(20_000), generator, steps=1)
    marginals = Exact(chain())(blank(1))[0].exp()
    independent = marginals[torch.arange(LENGTH), ALL].prod(1)
    assert variation(frequencies(rows), independent) < 0.02


def test_markov_denoiser_is_the_exact_posterior_of_its_chain() -> None:
    every = torch.tensor(list(product(range(TOKENS + 1), repeat=LENGTH)))
    possible = every[(Exact(chain())(every).exp().sum(2) > 0.5).all(1)]
    hidden = possible == TOKENS
    torch.testing.assert_close(
        MarkovDenoiser(FIRST, STEP)(possible).exp()[hidden], Exact(chain())(possible).exp()[hidden]
    )


def test_markov_denoiser_takes_the_end_of_a_row_for_no_evidence() -> None:
    denoiser = MarkovDenoiser(FIRST, STEP)
    longer = torch.tensor([[0, TOKENS, 2, TOKENS + 1, TOKENS + 1]])
    torch.testing.assert_close(denoiser(longer)[:, :3], denoiser(longer[:, :3]))


def test_counting_recovers_the_chain_and_leaves_nothing_impossible(generator: torch.Generator) -> None:
    rows = ALL[torch.multinomial(chain(), 20_000, replacement=True, generator=generator)]
    found = counted(rows, TOKENS)
    torch.testing.assert_close(found.first, FIRST, atol=0.02, rtol=0)
    torch.testing.assert_close(found.step, STEP, atol=0.02, rtol=0)
    assert 0 < float(found.step[2, 1]) < 1e-3


def test_counting_with_weights_is_counting_repeated_rows() -> None:
    weights = torch.arange(1, len(ALL) + 1)
    repeated = counted(ALL.repeat_interleave(weights, 0), TOKENS)
    weighted = counted(ALL, TOKENS, weights.double())
    # The same frequencies; as fewer rows they are smoothed more.
    torch.testing.assert_close(weighted.step, repeated.step, atol=0.05, rtol=0)


def test_untrained_network_is_the_chain() -> None:
    net = token_network(MarkovDenoiser(FIRST, STEP), LENGTH, width=16, layers=1)
    x = torch.tensor([[TOKENS, 1, TOKENS], [0, TOKENS, TOKENS]])
    hidden = x == TOKENS
    torch.testing.assert_close(net(x).exp().double()[hidden], Exact(chain())(x).exp()[hidden], atol=1e-6, rtol=0)


def test_masked_training_recovers_the_posterior_of_a_law_that_is_no_chain(generator: torch.Generator) -> None:
    untrained = token_network(counted(ALL, TOKENS, paired()), LENGTH, width=32, layers=1)
    net, _ = fit(
        untrained,
        ALL,
        generator,
        weights=paired(),
        steps=350,
        batch=1024,
        learning_rate=5e-3,
        average=0.99,
        check_every=350,
    )
    masked = torch.rand(400, LENGTH, generator=generator) < 0.5
    x = ALL[torch.multinomial(paired(), 400, replacement=True, generator=generator)].masked_fill(masked, TOKENS)
    exact = Exact(paired())(x).exp()
    before, after = (
        float(((exact - one(x).detach().exp()).abs().sum(2) / 2)[masked].mean()) for one in (untrained, net)
    )
    assert after < 0.02 < before


def test_loss_is_the_entropy_of_the_law_for_the_exact_denoiser(generator: torch.Generator) -> None:
    rows = ALL[torch.multinomial(chain(), 100_000, replacement=True, generator=generator)]
    share, noise = torch.rand(len(rows), generator=generator), torch.rand(rows.shape, generator=generator)
    law = chain()
    entropy = -(law[law > 0] * law[law > 0].log()).sum() / LENGTH
    assert float(masked_loss(Exact(law), rows, share, noise)) == pytest.approx(float(entropy), rel=0.02)


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_tilting_is_exact_for_independent_tokens_and_a_linear_value(strength: float) -> None:
    marginals = torch.tensor([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2]], dtype=torch.float64)
    independent = marginals[torch.arange(LENGTH), ALL].prod(1)
    worth = torch.tensor([[1.0, -1.0, 0.0], [0.5, 0.0, -2.0], [-1.0, 3.0, 0.2]], dtype=torch.float64)
    value = worth[torch.arange(LENGTH), ALL].sum(1)
    tilted = independent * (strength * value).exp()
    x = torch.tensor([[TOKENS, 1, TOKENS]])
    guided = Tilted(Exact(independent), lambda soft: (soft * worth).sum((1, 2)), strength)(x)
    expected = Exact(tilted / tilted.sum())(x)
    hidden = x[0] == TOKENS
    torch.testing.assert_close(guided[0][hidden], expected[0][hidden])


def test_guided_chain_is_nearer_to_the_exactly_tilted_law_than_the_chain_is(generator: torch.Generator) -> None:
    worth = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64)
    tilted = chain() * worth[ALL].sum(1).exp()
    tilted = tilted / tilted.sum()
    rows = unmask(Tilted(Exact(chain()), lambda soft: (soft * worth).sum((1, 2))), blank(20_000), generator)
    assert variation(frequencies(rows), tilted) < variation(chain(), tilted) / 2


def test_restricted_denoiser_says_what_is_allowed_and_keeps_the_odds_of_that() -> None:
    allowed = torch.ones(LENGTH, TOKENS, dtype=torch.bool)
    allowed[2, 0] = False
    denoiser = Restricted(Exact(chain()), allowed)
    free, bound = Exact(chain())(blank(1))[0].exp(), denoiser(blank(1))[0].exp()
    assert isinstance(denoiser, TokenDenoiser)
    torch.testing.assert_close(bound[:2], free[:2])
    torch.testing.assert_close(bound[2], torch.tensor([0.0, *(free[2, 1:] / free[2, 1:].sum())]).double())


def test_look_ahead_has_visible_tokens_for_certain_and_nothing_beyond_the_end() -> None:
    net = token_network(MarkovDenoiser(FIRST, STEP), LENGTH, width=16, layers=1)
    x = torch.tensor([[2, TOKENS, TOKENS + 1]])
    soft = softened(x, net(x))
    assert soft[0, 0].tolist() == [0.0, 0.0, 1.0]
    torch.testing.assert_close(soft[0].sum(1), torch.tensor([1.0, 1.0, 0.0]))


def test_network_does_not_see_what_is_beyond_the_end_of_a_row() -> None:
    net = token_network(MarkovDenoiser(FIRST, STEP), 6, width=16, layers=2)
    torch.nn.init.normal_(net.out.weight, generator=torch.Generator().manual_seed(0))
    short = torch.tensor([[0, TOKENS, 2]])
    longer = torch.tensor([[0, TOKENS, 2, TOKENS + 1, TOKENS + 1]])
    torch.testing.assert_close(net(longer)[:, :3], net(short))
