"""Deep ensemble of the transformed outcomes: small networks that differ only in their initial weights.

Only the benchmarks use it, for the comparison with the Gaussian process of `gdopt.surrogates.gp`. The results are in
docs/explanation/algorithm.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from botorch.models.ensemble import EnsembleModel
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import silu

__all__ = ["MEMBERS", "Ensemble", "Networks", "fit"]

# Thompson sampling of 20 designs, the batch of most problems here, takes each from another member.
MEMBERS = 20
# Two hidden layers of this width. One layer, tanh or ReLU in place of SiLU, 1,000 steps, and weight decays of 1 and 5
# ranked the candidates of runs on four problems no better.
WIDTH = 64
# AdamW's steps on all values at once, at a rate that falls to 0 by a cosine: 200 values are followed to 0.1 spreads,
# in one to two CPU seconds.
STEPS, RATE = 300, 1e-2
# The spread of the first biases, so that the bends of the first layer do not all meet in the centre.
BIAS = 0.5
# Of the networks' first weights. A `Fit` has no random stream: the same values give the same model, as they do with a
# Gaussian process, so that a study that is loaded goes on as if it had not been interrupted.
SEED = 0
# Noise of values that were told exactly: the median of BoTorch's prior, as in `gdopt.surrogates.gp`.
NOISE = math.exp(-4.0)
# Below this, members agree to their rounding; its root is divided by.
LEAST_VARIANCE = 1e-10


class Networks(EnsembleModel):
    """Networks side by side, each layer's weights in one tensor, so that all are evaluated by one product.

    Args:
        weights: of each layer, members x in x out.
        biases: of each layer, members x 1 x out.
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        super().__init__()
        self._num_outputs = 1
        self.layers = torch.nn.ParameterList(weights)
        self.biases = torch.nn.ParameterList(biases)

    def forward(self, X: Float[Tensor, "*b n d"]) -> Float[Tensor, "*b s n 1"]:  # X: BoTorch's name
        """What each of the s members says of each row; computed in float32."""
        rows = X.flatten(end_dim=-2).float()
        values = rows.expand(len(self.layers[0]), *rows.shape)
        for layer, (weight, bias) in enumerate(zip(self.layers, self.biases, strict=True)):
            values = torch.baddbmm(bias, silu(values) if layer else values, weight)
        outputs: Tensor = values.to(X).unflatten(1, X.shape[:-1]).movedim(0, -3)
        return outputs


@dataclass(frozen=True)
class Ensemble:
    """A trained model of warped values y over z.

    Args:
        model: over `inputs(z)`.
        z: where values are known.
        y: the warped values there.
        variance: of the noise of each y, None where none is known.
        centre: what is 0 in the model's own coordinates.
        scale: what is 1 there, in each direction.
    """

    model: Networks
    z: Float[Tensor, "k d"]
    y: Float[Tensor, " k"]
    variance: Float[Tensor, " k"] | None
    centre: Float[Tensor, " d"]
    scale: Float[Tensor, " d"]

    def transform_inputs(self, z: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
        """The model's own coordinates of rows of z, in which the rows of the fit have mean 0 and spread 1."""
        return (z - self.centre) / self.scale

    def predict(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Mean and variance of the members at each row of z, differentiable."""
        posterior = self.model.posterior(self.transform_inputs(z))
        return posterior.mean.squeeze(-1), posterior.variance.squeeze(-1).clamp_min(LEAST_VARIANCE)

    def mean(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """The members' mean at each row of z."""
        with torch.no_grad():
            return self.model.posterior(self.transform_inputs(z)).mean.squeeze(-1)

    def sample_posterior(
        self, z: Float[Tensor, "n d"], draws: int, spread: float, generator: torch.Generator
    ) -> Float[Tensor, "draws n"]:
        """One member a draw, each before any is drawn again, its deviations from the mean multiplied by `spread`."""
        with torch.no_grad():
            values = self.model(self.transform_inputs(z)).squeeze(-1)
        mean, count = values.mean(0), len(values)
        turns = [torch.randperm(count, generator=generator) for _ in range(-(-draws // count))]
        drawn: Tensor = mean + spread * (values[torch.cat(turns)[:draws]] - mean)
        return drawn

    def condition_on_observations(self, z: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> "Ensemble":
        """The ensemble trained on these values too, from the same first weights: networks cannot be conditioned.

        Values beside others of known variances have the median of those.
        """
        variance = self.variance
        if variance is not None:
            variance = torch.cat([variance, variance.median().expand(len(y))])
        model = _trained(self.transform_inputs(torch.cat([self.z, z])), torch.cat([self.y, y]), variance)
        return replace(self, model=model)


def fit(z: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None = None) -> Ensemble:
    """A deep ensemble through warped values y at z (Lakshminarayanan et al. 2017, arXiv 1612.01474).

    Every member is trained on all values; what they differ by is the uncertainty. The likelihood is normal with noise
    that is known; the paper's networks predict it by a second output, which here no draw would use.

    Args:
        z: where values are known.
        y: warped values, of about unit variance.
        variance: of the noise of each y, as far as it is known; 0 is allowed.
    """
    spread = z.std(0, correction=0)
    # What all have in common tells nothing, and is not divided by 0.
    scale = torch.where(spread > torch.finfo(z.dtype).eps * z.abs().amax(0), spread, 1.0)
    centre = z.mean(0)
    return Ensemble(_trained((z - centre) / scale, y, variance), z, y, variance, centre, scale)


def _trained(inputs: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None) -> Networks:
    """Networks of the likeliest values, from first weights that are always the same."""
    model = _first(inputs.shape[1], torch.Generator().manual_seed(SEED))
    noise = torch.full_like(y, NOISE) if variance is None else NOISE + variance
    weight = noise.mean() / noise
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        off = model(inputs).squeeze(-1) - y
        # Summed over members, so that none sees the others.
        (weight * off.square()).mean(1).sum().backward()
        optimizer.step()
        schedule.step()
    return model.requires_grad_(False).eval()


def _first(d: int, generator: torch.Generator) -> Networks:
    """Networks as they are before training: values of about unit spread at inputs of unit spread (He et al. 2015)."""
    weights, biases = [], []
    for layer, (before, after) in enumerate(pairwise([d, WIDTH, WIDTH, 1])):
        # A layer behind an activation loses half of the squares.
        gain = math.sqrt((2 if layer else 1) / before)
        weights.append(gain * torch.randn(MEMBERS, before, after, generator=generator))
        biases.append(BIAS * torch.randn(MEMBERS, 1, after, generator=generator))
    return Networks(weights, biases)
