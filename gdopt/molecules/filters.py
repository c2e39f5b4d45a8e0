"""Which molecules may be proposed at all, as functions for `gdopt.MaskedDiffusion(allowed=...)`."""

from dataclasses import dataclass
from functools import lru_cache

from gdopt.errors import SettingsError
from gdopt.molecules.scores import alerts, synthetic_accessibility

__all__ = ["Makeable"]

# The ends of the scale of synthetic accessibility.
EASIEST, HARDEST = 1.0, 10.0
# Molecules that answers are kept of: an `ask` meets the same ones again and again.
KEPT = 2**17


@dataclass(frozen=True)
class Makeable:
    """Whether a molecule is easy enough to make and has nothing that a medicinal chemist warns of.

    Both are rules of thumb and no proof: see `gdopt.molecules.scores`. A molecule takes two milliseconds, once.

    Args:
        accessibility: the highest score allowed, from 1 (easy) to 10; the median of the NCI's molecules is 2.3.
        alerts: whether structural alerts are allowed.

    Raises:
        SettingsError: the accessibility is not from 1 to 10.
    """

    accessibility: float = 4.0
    alerts: bool = False

    def __post_init__(self) -> None:
        if not EASIEST <= self.accessibility <= HARDEST:
            raise SettingsError(f"accessibility = {self.accessibility}: expected {EASIEST:g} (easy) to {HARDEST:g}")

    def __call__(self, smiles: str) -> bool:
        """Whether the molecule is allowed.

        Raises:
            SpaceError: it is not the SMILES of one molecule.
        """
        return _accessibility(smiles) <= self.accessibility and (self.alerts or not _alerts(smiles))


_accessibility = lru_cache(KEPT)(synthetic_accessibility)
_alerts = lru_cache(KEPT)(alerts)
