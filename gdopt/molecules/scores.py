"""What is printed beside a molecule's score: how hard it is to make, what a chemist warns of, how new it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float
from rdkit import Chem, RDConfig
from rdkit.Chem import QED, Descriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from rdkit.DataStructs import BulkTanimotoSimilarity

from gdopt.errors import CorpusError, SpaceError
from gdopt.molecules.smiles import canonical, molecule

__all__ = [
    "DESCRIPTORS",
    "PROPERTIES",
    "Neighbours",
    "Property",
    "alerts",
    "descriptors",
    "novelty",
    "properties",
    "synthetic_accessibility",
    "uniqueness",
    "validity",
]


def synthetic_accessibility(smiles: str) -> float:
    """How hard a molecule is to make, from 1 (easy) to 10, by its parts and its complexity.

    The score of Ertl and Schuffenhauer 2009 (J. Cheminform. 1, 8), as RDKit ships it: the parts that are common in
    PubChem are taken for easy. It knows no reactions. The first call takes a second.

    Raises:
        SpaceError: it is not the SMILES of one molecule.
    """
    return _accessibility(molecule(smiles))


def _accessibility(mol: Chem.Mol) -> float:
    found: float = _sascorer().calculateScore(mol)
    return found


@cache
def _sascorer() -> ModuleType:
    """RDKit's contributed module, which is no package: it is loaded from its file."""
    spec = spec_from_file_location("sascorer", Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def alerts(smiles: str) -> tuple[str, ...]:
    """What a medicinal chemist would warn of, such as "Brenk aldehyde": the substructures that BRENK and PAINS list.

    BRENK's are reactive, toxic or unstable (Brenk et al. 2008), PAINS' answer in many assays (Baell and Holloway 2010).

    Raises:
        SpaceError: it is not the SMILES of one molecule.
    """
    found = _catalogue().GetMatches(molecule(smiles))
    return tuple(sorted({f"{entry.GetProp('FilterSet')} {entry.GetDescription()}" for entry in found}))


@cache
def _catalogue() -> FilterCatalog:
    lists = FilterCatalogParams()
    lists.AddCatalog(FilterCatalogParams.FilterCatalogs.BRENK)
    lists.AddCatalog(FilterCatalogParams.FilterCatalogs.PAINS)
    return FilterCatalog(lists)


@dataclass(frozen=True)
class Neighbours:
    """Which molecule of a corpus is nearest to another one.

    Args:
        corpus: SMILES, at least one.

    Raises:
        CorpusError: there are none.
    """

    corpus: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.corpus:
            raise CorpusError("neighbours in an empty corpus: expected one molecule at least")

    def nearest(self, smiles: str) -> tuple[str, float]:
        """The nearest molecule of the corpus and its similarity, from 0 to 1; the first of those that are equally near.

        Tanimoto's, of Morgan fingerprints of radius 2 in 2,048 bits (ECFP4), which is what papers report.

        Raises:
            SpaceError: it, or one of the corpus, is not the SMILES of one molecule.
        """
        similarities = BulkTanimotoSimilarity(_bits(smiles), self._fingerprints)
        at = int(np.argmax(similarities))
        return self.corpus[at], similarities[at]

    @cached_property
    def _fingerprints(self) -> list[Any]:
        return [_bits(smiles) for smiles in self.corpus]


def _bits(smiles: str) -> Any:
    return _ecfp4().GetFingerprint(molecule(smiles))


@cache
def _ecfp4() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def validity(smiles: Sequence[str]) -> float:
    """The share that can be read; NaN of none."""
    return _share(len(_readable(smiles)), len(smiles))


def uniqueness(smiles: Sequence[str]) -> float:
    """The share of different molecules among those that can be read; NaN of none."""
    found = _readable(smiles)
    return _share(len(set(found)), len(found))


def novelty(smiles: Sequence[str], corpus: Sequence[str]) -> float:
    """The share that is not in the corpus, of the different molecules that can be read; NaN of none.

    Args:
        smiles: what was proposed.
        corpus: canonical SMILES, as `gdopt.molecules.smiles.read` returns them.
    """
    found = set(_readable(smiles))
    return _share(len(found.difference(corpus)), len(found))


def _readable(smiles: Sequence[str]) -> list[str]:
    """The canonical SMILES of those that can be read."""
    found = []
    for one in smiles:
        try:
            found.append(canonical(one))
        except SpaceError:
            continue
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


@dataclass(frozen=True)
class Property:
    """A number that describes a molecule.

    Args:
        name: as it is printed.
        of: the function.
        unit: empty for counts and shares.
    """

    name: str
    of: Callable[[Chem.Mol], float]
    unit: str = ""


def _logp(mol: Chem.Mol) -> float:
    """The logarithm of the octanol-water partition coefficient, by atoms (Wildman and Crippen 1999)."""
    found: float = rdMolDescriptors.CalcCrippenDescriptors(mol)[0]
    return found


PROPERTIES = (
    Property("molecular weight", Descriptors.MolWt, "g/mol"),  # type: ignore[attr-defined]  # set at run time
    Property("logP", _logp),
    Property("polar surface", rdMolDescriptors.CalcTPSA, "Å²"),
    Property("QED", QED.qed),
    Property("synthetic accessibility", _accessibility),
    Property("heavy atoms", Chem.Mol.GetNumHeavyAtoms),
    Property("rings", rdMolDescriptors.CalcNumRings),
    Property("aromatic rings", rdMolDescriptors.CalcNumAromaticRings),
    Property("rotatable bonds", rdMolDescriptors.CalcNumRotatableBonds),
    Property("hydrogen bond donors", rdMolDescriptors.CalcNumHBD),
    Property("hydrogen bond acceptors", rdMolDescriptors.CalcNumHBA),
    Property("share of sp3 carbons", rdMolDescriptors.CalcFractionCSP3),
)
# What a surrogate sees beside fragments: the properties that take less than half a millisecond, none made of others.
DESCRIPTORS = tuple(each for each in PROPERTIES if each.name not in ("QED", "synthetic accessibility"))


def properties(smiles: Sequence[str]) -> dict[str, Float[np.ndarray, " n"]]:
    """The numbers of the molecules by each property's name, in the units of `PROPERTIES`; NaN where one cannot be read.

    A thousand molecules take one to two seconds.
    """
    found = np.full((len(smiles), len(PROPERTIES)), np.nan)
    for row, one in zip(found, smiles, strict=True):
        try:
            mol = molecule(one)
        except SpaceError:
            continue
        row[:] = [each.of(mol) for each in PROPERTIES]
    return {each.name: column for each, column in zip(PROPERTIES, found.T, strict=True)}


def descriptors(smiles: Sequence[str]) -> Float[np.ndarray, "n d"]:
    """The `DESCRIPTORS` of each molecule, in their units. A thousand molecules take half a second.

    Raises:
        SpaceError: one of them cannot be read.
    """
    found = np.empty((len(smiles), len(DESCRIPTORS)))
    for row, one in zip(found, smiles, strict=True):
        mol = molecule(one)
        row[:] = [each.of(mol) for each in DESCRIPTORS]
    return found
