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
    ResultError,
    ServiceError,
    SettingsError,
    SpaceError,
    StoreError,
    TableError,
    TrialError,
    UnknownTrialError,
)
from gdopt.expert import Normal, Uniform
from gdopt.space import Choice, Constraint, Integer, Real, Space
from gdopt.string_space import MoleculeSpace, SequenceSpace

if TYPE_CHECKING:
    from gdopt.algorithm import Status, Trial
    from gdopt.baselines.random import RandomSearch
    from gdopt.goals import Limit
    from gdopt.guided import GuidedDiffusion
    from gdopt.masked import MaskedDiffusion
    from gdopt.masked_prior import MaskedPrior
    from gdopt.optimize import maximize, minimize
    from gdopt.prior import DiffusionPrior
    from gdopt.study import Study
    from gdopt.weights import outcome_weights

__version__ = "0.1.0"

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
    "Integer",
    "Limit",
    "MaskedDiffusion",
    "MaskedPrior",
    "MissingExtraError",
    "MoleculeSpace",
    "Normal",
    "NumericsError",
    "ProblemError",
    "RandomSearch",
    "Real",
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
    "DiffusionPrior": "gdopt.prior",
    "GuidedDiffusion": "gdopt.guided",
    "Limit": "gdopt.goals",
    "MaskedDiffusion": "gdopt.masked",
    "MaskedPrior": "gdopt.masked_prior",
    "RandomSearch": "gdopt.baselines.random",
    "Status": "gdopt.algorithm",
    "Study": "gdopt.study",
    "Trial": "gdopt.algorithm",
    "maximize": "gdopt.optimize",
    "minimize": "gdopt.optimize",
    "outcome_weights": "gdopt.weights",
}


def __getattr__(name: str) -> object:
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'gdopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
