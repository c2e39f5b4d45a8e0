"""Requirements on algorithms inside another library, which stores the trials and nothing else of a study."""

from collections.abc import Sequence
from dataclasses import replace

from gdopt.algorithms import repeats
from gdopt.algorithms.base import Algorithm, check_fixed
from gdopt.errors import SettingsError, SpaceError
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.space.parameters import Integer, Parameter, Real
from gdopt.space.space import Space
from gdopt.trials.state import State

__all__ = ["asked", "check_keeps_nothing", "like_those", "prior_space"]


def prior_space(algorithm: Algorithm) -> Space | None:
    """The space of the algorithm's prior, if it has one.

    Raises:
        SpaceError: the prior has parameters other than linear real numbers, which hosts encode in other ways.
    """
    prior = getattr(algorithm, "prior", None)
    if not isinstance(prior, DiffusionPrior):
        return None
    if not prior.whitened:
        raise SpaceError("a prior with choices, whole or logarithmic numbers works in studies of gdopt only")
    return prior.space


def like_those(parameters: Sequence[Parameter], space: Space | None) -> Sequence[Parameter]:
    """The parameters of the space, with its order and units, if names and bounds are equal; else the given ones."""
    if space is not None and {*map(_without_unit, space.parameters)} == {*parameters}:
        return space.parameters
    return parameters


def check_keeps_nothing(algorithm: Algorithm, host: str) -> None:
    """Raise `SettingsError` if the algorithm fine-tunes a network, which the host cannot store."""
    if finetune := getattr(algorithm, "finetune", 0):
        raise SettingsError(f"finetune = {finetune}: expected 0, as {host} cannot store a network between asks")


def asked(algorithm: Algorithm, state: State, n: int, host: str, repeat: bool = False) -> State:
    """The state with n new pending trials; with fewer, or repeats of the best, where fewer designs are left.

    Raises:
        ExhaustedError: no design is left, and repeats are off or impossible.
        SettingsError: the algorithm cannot fix parameters, or keeps tensors between asks, which the host cannot store.
    """
    after = repeats.ask_or_repeat(algorithm, state, n, repeat)
    check_fixed(algorithm, state, after)
    if after.tensors:
        kind = type(algorithm).__name__
        raise SettingsError(f"{kind} keeps {sorted(after.tensors)} between asks, which {host} cannot store")
    return after


def _without_unit(p: Parameter) -> Parameter:
    return replace(p, unit="") if isinstance(p, Real | Integer) else p
