"""Algorithms 1 and 2 of Guo et al. 2024 (arXiv 2404.14743): optimization by gradients that guide a diffusion model.

Each round draws a batch from the guided model and asks for gradients at its anchor; with `finetune` the score is then
fitted to the batches (Algorithm 2), without it the pretrained score stays (Algorithm 1).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.guidance import lookahead
from gdopt.diffusion.sampler import Sampler, sample
from gdopt.errors import ResultError, SettingsError
from gdopt.paper.moments import GaussianMoments
from gdopt.paper.rules import Anchor, Finetune, Target, batch_mean

__all__ = ["FirstOrder", "Guidance", "Round", "State", "rounds"]

Guidance = Callable[[Denoiser, Tensor, Tensor, float], Denoiser]


@dataclass(frozen=True)
class State:
    """What the next round needs.

    Args:
        law: the score as fine-tuned so far.
        batches: D_1 ... D_k, for fine-tuning; empty without it.
        gradients: g, averaged by the damping, (1, d) or one for each sample; None before the first.
        targets: y, one for each of them.
    """

    law: GaussianMoments
    batches: tuple[Tensor, ...] = ()
    gradients: Tensor | None = None
    targets: Tensor | None = None


@dataclass(frozen=True)
class FirstOrder:
    """The settings of Algorithm 1, and of Algorithm 2 where `finetune` is given: ask for a batch, tell its gradients.

    Args:
        prior: the pretrained law s_θ.
        target: y_k; `rules.ascent(1 / λ)` for the optimum regularized with λ.
        finetune: how the score is refitted after each round.
        guidance: `lookahead`, the paper's G_loss, or `naive`, its G.
        anchor: where gradients are asked, `rules.batch_mean` or `rules.per_sample`.
        noise_std: σ of the observation y = g'x₀ + σε: the smaller, the less is left of the law's spread along g.
        damping: η of g ← (1 - η)g + η∇f, which moves the mean by (1 - η)m + η(μ + Σ∇f/λ): converges for every λ where
            η < 2λ/(λ + L), while 1, no damping, needs λ > L.
        sampler: of the guided law.

    Raises:
        SettingsError: noise_std is not positive, or damping not in (0, 1].
    """

    prior: GaussianMoments
    target: Target
    finetune: Finetune | None = None
    guidance: Guidance = lookahead
    anchor: Anchor = batch_mean
    noise_std: float = 0.1
    damping: float = 1.0
    sampler: Sampler = sample

    def __post_init__(self) -> None:
        if not self.noise_std > 0:
            raise SettingsError(f"noise_std must be positive, got {self.noise_std}")
        if not 0 < self.damping <= 1:
            raise SettingsError(f"damping must be in (0, 1], got {self.damping}")

    def init(self) -> State:
        """The state before the first round: the pretrained law, unguided."""
        return State(self.prior)

    def ask(self, state: State, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n draws of the guided law (step 1).

        Raises:
            SettingsError: each sample has its own gradient, and there are not n of them.
        """
        denoiser, law = state.law.denoiser, state.law
        if state.gradients is not None and state.targets is not None:
            if (chains := len(state.gradients)) not in (1, n):
                raise SettingsError(f"{chains} chains, each with its gradient, go on in batches of {chains}, not {n}")
            denoiser = self.guidance(denoiser, state.gradients, state.targets, self.noise_std)
        return self.sampler(denoiser, n, law.mean, law.spread, generator)

    def tell(self, state: State, samples: Float[Tensor, "n d"], gradients: Float[Tensor, "m d"]) -> State:
        """The state after ∇f is known at `anchor(samples)`: fine-tuned, then guided (steps 2 to 4).

        Raises:
            ResultError: gradients that are not of the anchors' shape, or not finite.
        """
        anchors = self.anchor(samples)
        if gradients.shape != anchors.shape:
            raise ResultError(f"gradients have the shape {tuple(gradients.shape)}, the anchors {tuple(anchors.shape)}")
        if len(bad := (~gradients.isfinite().all(1)).nonzero().flatten()):
            raise ResultError(f"gradients must be finite; rows {bad.tolist()} are not")
        if self.finetune is not None:
            batches = (*state.batches, samples)
            state = replace(state, law=self.finetune(self.prior, state.law, batches), batches=batches)
        before = torch.zeros_like(gradients) if state.gradients is None else state.gradients
        mixed = (1 - self.damping) * before + self.damping * gradients
        return replace(state, gradients=mixed, targets=self.target(state.law, anchors, mixed, self.noise_std))


@dataclass(frozen=True)
class Round:
    """A round that was drawn and answered.

    Args:
        samples: z_k1 ... z_kB.
        anchors: where the gradient was asked.
        law: the score after the round.
    """

    samples: Float[Tensor, "n d"]
    anchors: Float[Tensor, "m d"]
    law: GaussianMoments


def rounds(
    algorithm: FirstOrder, gradient: Callable[[Tensor], Tensor], batch: int, generator: torch.Generator
) -> Iterator[Round]:
    """Round after round without end, the gradient asked at each anchor: `islice` says how many.

    The first round is unguided.
    """
    state = algorithm.init()
    while True:
        samples = algorithm.ask(state, batch, generator)
        anchors = algorithm.anchor(samples)
        state = algorithm.tell(state, samples, gradient(anchors))
        yield Round(samples, anchors, state.law)
