"""A network made a denoiser, preconditioned in every eigen-direction of its corpus."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["PreconditionedNet", "ResidualMLP", "network", "sizes"]


class ResidualMLP(nn.Module):
    """A residual perceptron that knows the noise level: (n, d) and log σ to (n, d), zero before training."""

    def __init__(self, dim: int, width: int, blocks: int) -> None:
        super().__init__()
        self.frequencies = nn.Buffer(2.0 ** torch.arange(4) * math.pi / 8)
        self.into = nn.Linear(dim + 2 * len(self.frequencies), width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.out = nn.Linear(width, dim)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Float[Tensor, "n d"], level: Float[Tensor, "n 1"]) -> Float[Tensor, "n d"]:
        """What is to be added to the Gaussian denoiser, in units of its own error."""
        angle = level * self.frequencies
        hidden = self.into(torch.cat([x, angle.sin(), angle.cos()], 1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        out: Tensor = self.out(torch.nn.functional.silu(hidden))
        return out


class PreconditionedNet(nn.Module):
    """D(x, σ) with EDM's scalings (Karras et al. 2022, Table 1) in each eigen-direction of the corpus covariance.

    In the eigenbasis, l an eigenvalue: c_skip = l/(l+σ²), c_out = σ√l/√(l+σ²), c_in = 1/√(l+σ²). The skip connection
    is the exact Gaussian denoiser, the paper's linear score; the network learns only what is not Gaussian; and a
    direction in which the corpus does not vary is never left, whatever the network says.

    c_skip multiplies what the network adds as well: at high noise every law is Gaussian up to order l/σ². Without it
    the network's error there outgrows the covariance in Cov[x₀|x] = σ² ∂D/∂x, which guidance divides by.

    Args:
        net: (n, r) and (n, 1) to (n, r), for r directions.
        mean: of the corpus.
        basis: orthonormal columns, the directions.
        spread: √l, the standard deviation along each; positive.
    """

    def __init__(
        self,
        net: nn.Module,
        mean: Float[Tensor, " d"],
        basis: Float[Tensor, "d r"],
        spread: Float[Tensor, " r"],
    ) -> None:
        super().__init__()
        self.net = net
        self.mean = nn.Buffer(mean)
        self.basis = nn.Buffer(basis)
        self.spread = nn.Buffer(spread)

    def forward(self, x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        """E[x₀|x] of every row of x, in the precision and on the device of x."""
        basis, mean = self.basis.to(x), self.mean.to(x)
        u = (x - mean) @ basis
        return mean + self.directions(u, sigma) @ basis.T

    def about(self, mean: Float[Tensor, " d"]) -> "PreconditionedNet":
        """The same network with its Gaussian part about another mean: that of X - μ + mean."""
        return PreconditionedNet(self.net, mean.to(self.mean), self.basis, self.spread)

    def directions(self, u: Float[Tensor, "n r"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n r"]:
        """The denoised coordinates along the basis."""
        c_skip, c_out, residual = self.residual(u, sigma)
        return c_skip * u + c_out * residual

    def residual(
        self, u: Float[Tensor, "n r"], sigma: Float[Tensor, "*#n"]
    ) -> tuple[Float[Tensor, "n r"], Float[Tensor, "n r"], Float[Tensor, "n r"]]:
        """c_skip, c_out and what the network adds in units of c_out: what a training loss compares."""
        s, root = sigma.to(u).expand(len(u)).unsqueeze(1), self.spread.to(u)
        total = (root.square() + s.square()).sqrt()
        # log(σ/√l) / 4 keeps the level within a few units (Karras et al. 2022: c_noise = log σ / 4).
        level = (s / root.log().mean().exp()).log() / 4
        weights = next(self.net.parameters())
        out = self.net((u / total).to(weights), level.to(weights))
        c_skip, c_out = (root / total).square(), s * root / total
        return c_skip, c_out, c_skip * out.to(u)


# 4 blocks of 256: about half a million parameters, pretrained on the airfoils within a minute.
WIDTH, BLOCKS = 256, 4


def network(
    mean: Float[Tensor, " d"],
    basis: Float[Tensor, "d r"],
    spread: Float[Tensor, " r"],
    seed: int = 0,
    width: int = WIDTH,
    blocks: int = BLOCKS,
) -> PreconditionedNet:
    """An untrained `PreconditionedNet`: before training it is the exact Gaussian denoiser."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # modules draw their initial weights from the global generator
        net = ResidualMLP(basis.shape[1], width, blocks)
    return PreconditionedNet(net, mean, basis, spread)


def sizes(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """The width and the number of blocks of the network whose state this is."""
    blocks = {name.split(".")[2] for name in state if name.startswith("net.blocks.")}
    return state["net.into.weight"].shape[0], len(blocks)
