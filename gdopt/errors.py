"""Every error gdopt raises on purpose.

* GdoptError
  + SpaceError         a parameter, a constraint or a value of one is wrong
    + ExhaustedError     every design of the space was tried
  + CorpusError        unlabelled designs that no prior can be fitted to
  + TrialError         a result names a trial that is unknown or already settled
    + UnknownTrialError  there is no trial of that id
  + ResultError        a told value, error or gradient is not what can be learned from
  + TableError         cells of a file of results that cannot be read
  + SettingsError      a setting of an algorithm or a call is out of its range
  + NumericsError      a computation left the finite numbers
  + StoreError         a file cannot be read, was changed, or belongs to something else
  + ProblemError       no benchmark problem has that name
  + ServiceError       a service cannot be started or reached, or gives no answer that is one
  + MissingExtraError  an optional dependency is not installed
  + RenamedError       a name of an earlier version was used; the message has its name of today

Each is also the built-in error that people already catch. A call that raises one of them has changed nothing.
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
    """Base of all of them: `except gdopt.GdoptError` catches what gdopt meant."""


class SpaceError(GdoptError, ValueError):
    """A parameter, a constraint or a value of one is wrong."""


class ExhaustedError(SpaceError):
    """Every design of the space was tried."""


class CorpusError(GdoptError, ValueError):
    """Unlabelled designs that no prior can be fitted to."""


class TrialError(GdoptError, ValueError):
    """A result names a trial that is unknown or already settled."""


class UnknownTrialError(TrialError, LookupError):
    """There is no trial of that id."""


class ResultError(GdoptError, ValueError):
    """A told value, error or gradient is not what can be learned from."""


class TableError(GdoptError, ValueError):
    """Cells of a file of results that cannot be read."""


class SettingsError(GdoptError, ValueError):
    """A setting of an algorithm or a call is out of its range."""


class NumericsError(GdoptError, ArithmeticError):
    """A computation left the finite numbers."""


class StoreError(GdoptError, RuntimeError):
    """A file cannot be read, was changed, or belongs to something else."""


class ProblemError(GdoptError, LookupError):
    """No benchmark problem has that name."""


class ServiceError(GdoptError, ConnectionError):
    """A service cannot be started or reached, or gives no answer that is one."""


class MissingExtraError(GdoptError, ImportError):
    """An optional dependency is not installed."""


class RenamedError(GdoptError, AttributeError, TypeError):
    """A name of an earlier version was used; the message has its name of today."""
