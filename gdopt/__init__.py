"""gdopt: black-box optimization whose proposals come from a guided, fine-tuned diffusion model.

The public names are loaded when they are first used, so that `import gdopt` takes no time.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

from gdopt.errors import (
    CorpusError,
    ExhaustedError,
    GdoptError,
    MissingExtraError,
    NumericsError,
    ProblemError,
    RenamedError,
    ResultError,
    ServiceError,
    SettingsError,
    SpaceError,
    StoreError,
    TableError,
    TrialError,
    UnknownTrialError,
)
from gdopt.priors.expert import Normal, Uniform
from gdopt.renamed import PUBLIC, old_name
from gdopt.space.constraints import Constraint
from gdopt.space.parameters import Choice, Integer, Real
from gdopt.space.space import Space
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace

if TYPE_CHECKING:
    from gdopt.algorithms.guided import GuidedDiffusion, GuidedTuning
    from gdopt.algorithms.masked import MaskedDiffusion, MaskedTuning
    from gdopt.baselines.random import RandomSearch
    from gdopt.optimize import maximize, minimize
    from gdopt.priors.diffusion import DiffusionPrior
    from gdopt.priors.masked import MaskedPrior
    from gdopt.priors.weights import outcome_weights
    from gdopt.study.study import Study
    from gdopt.trials.objectives import OutcomeConstraint
    from gdopt.trials.trial import Status, Trial

__version__ = "0.2.0.dev0"

# linear_operator, which BoTorch needs, compiles two functions when it is imported, by a way that PyTorch 2.14 warns of.
# Appended: the filters of the user's come first.
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning, r"torch\.jit", append=True)

__all__ = [
    "Choice",
    "Constraint",
    "CorpusError",
    "DiffusionPrior",
    "ExhaustedError",
    "GdoptError",
    "GuidedDiffusion",
    "GuidedTuning",
    "Integer",
    "MaskedDiffusion",
    "MaskedPrior",
    "MaskedTuning",
    "MissingExtraError",
    "MoleculeSpace",
    "Normal",
    "NumericsError",
    "OutcomeConstraint",
    "ProblemError",
    "RandomSearch",
    "Real",
    "RenamedError",
    "ResultError",
    "SequenceSpace",
    "ServiceError",
    "SettingsError",
    "Space",
    "SpaceError",
    "Status",
    "StoreError",
    "Study",
    "TableError",
    "Trial",
    "TrialError",
    "Uniform",
    "UnknownTrialError",
    "maximize",
    "minimize",
    "outcome_weights",
]

HOMES = {
    "DiffusionPrior": "gdopt.priors.diffusion",
    "GuidedDiffusion": "gdopt.algorithms.guided",
    "GuidedTuning": "gdopt.algorithms.guided",
    "OutcomeConstraint": "gdopt.trials.objectives",
    "MaskedDiffusion": "gdopt.algorithms.masked",
    "MaskedPrior": "gdopt.priors.masked",
    "MaskedTuning": "gdopt.algorithms.masked",
    "RandomSearch": "gdopt.baselines.random",
    "Status": "gdopt.trials.trial",
    "Study": "gdopt.study.study",
    "Trial": "gdopt.trials.trial",
    "maximize": "gdopt.optimize",
    "minimize": "gdopt.optimize",
    "outcome_weights": "gdopt.priors.weights",
}


def __getattr__(name: str) -> object:
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    if name in PUBLIC:
        raise old_name("gdopt", name, PUBLIC[name])
    raise AttributeError(f"module 'gdopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
