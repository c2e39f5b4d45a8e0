"""Designs of a prior or of a study as candidates and raw samples of BoTorch's optimizers."""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.batch import SelectionInput
from gdopt.adapters.botorch.box import Box
from gdopt.adapters.botorch.checks import check_count
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.errors import SettingsError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.study.study import Study

__all__ = ["prior_candidates", "prior_generator", "study_candidates"]

# The type of `optimize_acqf(..., generator=...)`: from (n, q, seed) to n x q x d.
Generator = Callable[[int, int, int | None], Tensor]


def prior_generator(prior: DiffusionPrior, bounds: Tensor | None = None, *, seed: int = 0) -> Generator:
    """A `generator=` of `optimize_acqf`, whose raw samples are designs of the prior in place of Sobol points.

    Only the starting points are the prior's: the ascent of the acquisition function may leave the subspace of its
    designs. The points of `prior_candidates` are all in this subspace.

    Args:
        prior: of unlabelled designs.
        bounds: of x, as of `Box`; the ones that `optimize_acqf` is given.
        seed: of the generator's own random stream, from which calls without a seed draw on. A call with a seed
            (BoTorch's `options={"seed": ...}`) returns the designs of that seed. Torch's global generator is not used.

    Raises:
        SettingsError: the bounds do not match the space, or the seed is no whole number from 0 on; in a call, n or q is
            below 1.

    Example:
        >>> import numpy as np
        >>> prior = DiffusionPrior.fit(np.random.default_rng(0).normal(size=(20, 3)), steps=1)
        >>> prior_generator(prior)(4, 2, None).shape
        torch.Size([4, 2, 3])
    """
    check_count("seed", seed, 0)
    box, own = Box(prior.space, bounds), torch.Generator().manual_seed(seed)

    def generator(n: int, q: int, seed: int | None = None) -> Float[Tensor, "n q d"]:
        check_count("n", n, 1)
        check_count("q", q, 1)
        stream = own if seed is None else torch.Generator().manual_seed(seed)
        return _sampled(prior, box, n * q, stream).reshape(n, q, -1)

    return generator


def prior_candidates(
    prior: DiffusionPrior, n: int, bounds: Tensor | None = None, *, seed: int = 0
) -> Float[Tensor, "n d"]:
    """n designs of the prior, as `choices` of `optimize_acqf_discrete` or the points of `MaxPosteriorSampling`.

    Args:
        prior: of unlabelled designs.
        n: the number of designs.
        bounds: of x, as of `Box`.
        seed: of the draws.

    Raises:
        SettingsError: the bounds do not match the space, or n or the seed is out of its range.

    Example:
        >>> import numpy as np
        >>> prior = DiffusionPrior.fit(np.random.default_rng(0).normal(size=(20, 3)), steps=1)
        >>> prior_candidates(prior, 5).shape
        torch.Size([5, 3])
    """
    check_count("n", n, 1)
    check_count("seed", seed, 0)
    return _sampled(prior, Box(prior.space, bounds), n, torch.Generator().manual_seed(seed))


def study_candidates(study: Study, n: int, bounds: Tensor | None = None) -> Float[Tensor, "n d"]:
    """n designs of the distribution that a study would sample next: all in its space, and new while new ones are left.

    They are a random part of the pool from which `GuidedDiffusion` would select: four times n designs, or its
    `candidates`. The study does not change, and returns the same candidates until its next `ask` or `tell`. Before its
    first learned proposal they are initial designs.

    Args:
        study: with `GuidedDiffusion` as its algorithm.
        n: the number of designs; there are fewer where fewer designs are left.
        bounds: of x, as of `Box`.

    Raises:
        SettingsError: the study has another algorithm, the bounds do not match the space, or n is out of its range.
        SpaceError: the space has a choice.

    Example:
        >>> import gdopt
        >>> study = Study(gdopt.Space([gdopt.Real("x", 0, 1)]), direction="maximize")
        >>> study_candidates(study, 3).shape
        torch.Size([3, 1])
    """
    check_count("n", n, 1)
    if not isinstance(study.algorithm, GuidedDiffusion):
        raise SettingsError(f"the study's algorithm is {type(study.algorithm).__name__}: expected GuidedDiffusion")
    box = Box(study.space, bounds)
    state = replace(study.algorithm, selection=_random_rows).ask(study.state, n)
    return box.encode([t.params for t in state.trials[len(study.state.trials) :]])


def _random_rows(given: SelectionInput) -> list[int]:
    """n different random rows of the pool: a `BatchSelector` that does not use the surrogate."""
    return torch.randperm(len(given.pool), generator=given.generator)[: given.n].tolist()


def _sampled(prior: DiffusionPrior, box: Box, n: int, stream: torch.Generator) -> Float[Tensor, "n d"]:
    return box.scaled(prior.codec.decode_array(prior.sample_z(n, stream)))
