"""gdopt's distributions as candidates for BoTorch; BoTorch's models and acquisition functions in `GuidedDiffusion`.

The functions use three coordinate systems:

* x: rows of the user's BoTorch loop. A column for each parameter, with its own value or scaled to other bounds (`Box`).
* z: rows in gdopt (`gdopt.codecs.base`). The box is at ±√3; a prior has whitened directions.
* u: inputs of a model in `GuidedDiffusion`, `inputs(z)`. By default `unit(z)`, where the box is the unit cube.

BoTorch maximizes. The values y of a model in `GuidedDiffusion` are transformed, and higher is better, whatever the
study's direction.
"""

from gdopt.adapters.botorch.box import Box
from gdopt.adapters.botorch.candidates import prior_candidates, prior_generator, study_candidates
from gdopt.adapters.botorch.models import FittedModel, guidance, selection, surrogate, unit

__all__ = [
    "Box",
    "FittedModel",
    "guidance",
    "prior_candidates",
    "prior_generator",
    "selection",
    "study_candidates",
    "surrogate",
    "unit",
]
