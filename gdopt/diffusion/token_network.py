"""A small transformer that says what hidden tokens may have been, and its training."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from gdopt.diffusion.markov import MarkovDenoiser
from gdopt.diffusion.masked import TokenDenoiser
from gdopt.diffusion.training import Progress, Training, descend

__all__ = ["TokenNet", "fit", "masked_loss", "token_network"]

# 3 layers of 128: 0.7 million parameters, 0.7 s a step of 128 molecules on one core.
WIDTH, LAYERS, HEADS, REACH = 128, 3, 4, 5


class Layer(nn.Module):
    """What is near by a convolution, what is far by attention: few strings teach attention alone too slowly."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.near = nn.Conv1d(width, width, REACH, padding=REACH // 2, groups=width)
        self.mix = nn.Linear(width, width)
        self.far = nn.TransformerEncoderLayer(
            width, HEADS, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )

    def forward(self, states: Float[Tensor, "n L width"], beyond: Bool[Tensor, "n L"]) -> Float[Tensor, "n L width"]:
        """The next hidden states; what is beyond a row's end is not seen."""
        there = self.norm(states).masked_fill(beyond.unsqueeze(2), 0.0)
        near = self.mix(nn.functional.gelu(self.near(there.mT).mT))
        out: Tensor = self.far(states + near, src_key_padding_mask=beyond)
        return out


class TokenNet(nn.Module):
    """p(token | what is visible): the exact denoiser of a Markov chain, and what a transformer adds to its log p.

    The transformer adds nothing before training: it learns only what is not Markov, as `PreconditionedNet` learns only
    what is not Gaussian.

    Args:
        chain: the closed form to start from.
        length: L, the most places a row may have.
        width: of the hidden states.
        layers: of the transformer.
    """

    def __init__(self, chain: MarkovDenoiser, length: int, width: int = WIDTH, layers: int = LAYERS) -> None:
        super().__init__()
        self.tokens = chain.tokens
        self.first = nn.Buffer(chain.first.float())
        self.step = nn.Buffer(chain.step.float())
        self.embedding = nn.Embedding(self.tokens + 1, width)
        self.place = nn.Embedding(length, width)
        self.layers = nn.ModuleList(Layer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, self.tokens)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Int[Tensor, "n L"]) -> Float[Tensor, "n L V"]:
        """log p of each token at each place."""
        added: Tensor = self.out(self.states(self.embedding(x.clamp_max(self.tokens)), x > self.tokens))
        return (MarkovDenoiser(self.first, self.step)(x) + added).log_softmax(2)

    def features(self, soft: Float[Tensor, "n L V"]) -> Float[Tensor, "n width"]:
        """The mean hidden state of designs whose places are distributions over tokens, or nothing beyond their end."""
        there = soft.sum(2) > 0
        states = self.states(soft.to(self.embedding.weight) @ self.embedding.weight[: self.tokens], ~there)
        return (states * there.unsqueeze(2)).sum(1) / there.sum(1, keepdim=True)

    def states(self, embedded: Float[Tensor, "n L width"], beyond: Bool[Tensor, "n L"]) -> Float[Tensor, "n L width"]:
        """The last hidden states."""
        states = embedded + self.place.weight[: embedded.shape[1]]
        for layer in self.layers:
            states = layer(states, beyond)
        out: Tensor = self.norm(states)
        return out


def token_network(
    chain: MarkovDenoiser, length: int, seed: int = 0, width: int = WIDTH, layers: int = LAYERS
) -> TokenNet:
    """An untrained `TokenNet`: before training it is the chain's own denoiser."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # modules draw their initial weights from the global generator
        return TokenNet(chain, length, width, layers)


def masked_loss(
    net: TokenDenoiser, x0: Int[Tensor, "n L"], share: Float[Tensor, " n"], noise: Float[Tensor, "n L"]
) -> Tensor:
    """The negative evidence bound of a masked diffusion, in nats a token (Sahoo et al. 2024, eq. 10).

    The mean over rows of Σ_hidden -log p(token | visible) / (share · length), where each token is hidden with the
    probability `share`, uniform on (0, 1].

    Args:
        net: the denoiser.
        x0: clean rows.
        share: of each row's tokens that is to be hidden.
        noise: uniform on [0, 1); a token is hidden where it is below the share.
    """
    there = x0 < net.tokens
    masked = there & (noise < share.unsqueeze(1))
    log_law = net(x0.masked_fill(masked, net.tokens))
    surprise = -log_law.gather(2, x0.clamp_max(net.tokens - 1).unsqueeze(2)).squeeze(2)
    weight = share * there.sum(1)
    loss: Tensor = ((surprise * masked).sum(1) / weight).mean()
    return loss


# Shares of hidden tokens are not below this: 1/share weights what few hidden tokens have to say.
LEAST_SHARE = 0.02
# Maskings of the held-out rows that a check looks at.
PROBES = 512


def fit(
    net: TokenNet,
    x0: Int[Tensor, "n L"],
    generator: torch.Generator,
    *,
    held: Int[Tensor, "m L"] | None = None,
    weights: Float[Tensor, " n"] | None = None,
    steps: int = 2000,
    batch: int = 128,
    learning_rate: float = 2e-3,
    average: float = 0.995,
    check_every: int = 100,
    patience: int = 5,
    progress: Progress | None = None,
) -> tuple[TokenNet, Training]:
    """A copy of the network, trained on to say what hidden tokens were, and what became of it.

    Args:
        net: where to start from; not changed.
        x0: clean rows.
        generator: of the rows and of what is hidden.
        held: rows that tell when to stop; draws of the training rows where there are none.
        weights: of the rows, any positive scale; equal if left out.
        steps: optimizer steps at most.
        batch: rows in a step.
        learning_rate: of AdamW at its start; it falls to 0 along a cosine.
        average: decay of the moving average, per step.
        check_every: steps between checks.
        patience: checks without gain before stopping.
        progress: called after each check with (step, steps, loss in nats a token).

    Raises:
        NumericsError: the loss stopped being finite.
    """
    chance = torch.ones(len(x0)) if weights is None else weights.float()
    if held is None:
        checked = x0[torch.multinomial(chance, PROBES, replacement=True, generator=generator)]
    else:
        checked = held[torch.arange(PROBES) % len(held)]
    probe = _hiding(checked, net.tokens, generator)

    def loss(trained: TokenNet) -> Float[Tensor, ""]:
        rows = x0[torch.multinomial(chance, batch, replacement=True, generator=generator)]
        return masked_loss(trained, *_hiding(rows, net.tokens, generator))

    return descend(
        net,
        loss,
        lambda averaged: masked_loss(averaged, *probe),
        steps=steps,
        learning_rate=learning_rate,
        average=average,
        check_every=check_every,
        patience=patience,
        progress=progress,
    )


def _hiding(
    rows: Int[Tensor, "n L"], tokens: int, generator: torch.Generator
) -> tuple[Int[Tensor, "n l"], Float[Tensor, " n"], Float[Tensor, "n l"]]:
    """The rows without columns beyond all ends, with shares to hide, evenly spread over (0, 1], and noise."""
    rows = rows[:, : int((rows < tokens).sum(1).amax())]
    n = len(rows)
    offset = torch.rand(1, generator=generator)
    shares = ((torch.arange(n) + offset) / n % 1).clamp_min(LEAST_SHARE)
    return rows, shares, torch.rand(rows.shape, generator=generator)
