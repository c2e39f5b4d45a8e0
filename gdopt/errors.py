"""The errors of gdopt.

* GdoptError
  + SpaceError         a parameter, a constraint or a value of one is wrong
    + ExhaustedError     every design of the space was tried
  + CorpusError        unlabelled designs to which no prior can be fitted
  + TrialError         a result names a trial that is unknown or already settled
    + UnknownTrialError  there is no trial of that id
  + ResultError        a value, a standard error or a gradient cannot be used as training data
  + TableError         a file of results has cells that cannot be read
  + SettingsError      a setting of an algorithm or a call is out of its range
  + NumericsError      a computation gave NaN or infinity
  + StoreError         a file cannot be read, was changed, or belongs to something else
  + ProblemError       there is no benchmark problem of that name
  + ServiceError       a service cannot be started or reached, or its answer is invalid
  + MissingExtraError  an optional dependency is not installed
  + RenamedError       a name of an earlier version was used; the message has the new name

Each is also a built-in error, such as ValueError. A call that raises one of them has changed nothing.
"""

__all__ = [
    "CorpusError",
    "ExhaustedError",
    "GdoptError",
    "MissingExtraError",
    "NumericsError",
    "ProblemError",
    "RenamedError",
    "ResultError",
    "ServiceError",
    "SettingsError",
    "SpaceError",
    "StoreError",
    "TableError",
    "TrialError",
    "UnknownTrialError",
]


class GdoptError(Exception):
    """The base of all errors of gdopt: `except gdopt.GdoptError` catches each of them."""


class SpaceError(GdoptError, ValueError):
    """A parameter, a constraint or a value of one is wrong."""


class ExhaustedError(SpaceError):
    """Every design of the space was tried."""


class CorpusError(GdoptError, ValueError):
    """Unlabelled designs to which no prior can be fitted."""


class TrialError(GdoptError, ValueError):
    """A result names a trial that is unknown or already settled."""


class UnknownTrialError(TrialError, LookupError):
    """There is no trial of that id."""


class ResultError(GdoptError, ValueError):
    """A value, a standard error or a gradient cannot be used as training data."""


class TableError(GdoptError, ValueError):
    """A file of results has cells that cannot be read."""


class SettingsError(GdoptError, ValueError):
    """A setting of an algorithm or a call is out of its range."""


class NumericsError(GdoptError, ArithmeticError):
    """A computation gave NaN or infinity."""


class StoreError(GdoptError, RuntimeError):
    """A file cannot be read, was changed, or belongs to something else."""


class ProblemError(GdoptError, LookupError):
    """There is no benchmark problem of that name."""


class ServiceError(GdoptError, ConnectionError):
    """A service cannot be started or reached, or its answer is invalid."""


class MissingExtraError(GdoptError, ImportError):
    """An optional dependency is not installed."""


class RenamedError(GdoptError, AttributeError, TypeError):
    """A name of an earlier version was used; the message has the new name."""
