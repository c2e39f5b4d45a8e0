"""The twenty tasks of the PMO benchmark that are plain formulas: a score in [0, 1] of a molecule, higher is better.

PMO is of Gao et al. 2022 (arXiv 2206.12411). Its tasks are those of GuacaMol (Brown et al. 2019, arXiv 1811.09621) as
Therapeutics Data Commons has them (Huang et al. 2021, arXiv 2102.09548), which is what papers report, and `qed`. This
is an implementation of our own. A score is a mean of terms; a term is a property of the molecule, such as its
similarity to a drug, and a curve that says which values are wanted. Means are geometric but for the two hops.

PMO's other three tasks, drd2, gsk3b and jnk3, are trained classifiers and are not here. What cannot be read is an error
and not of score 0, and so is a salt.

A drug takes 0.2 to 0.8 ms with its reading, 1.2 for `qed`, and 15 for the two hops, which look for pharmacophores. The
small molecules of the NCI take a third of that.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

from gdopt.errors import MissingExtraError, ProblemError

try:
    from rdkit import Chem
    from rdkit.Chem import QED, GraphDescriptors, rdFingerprintGenerator, rdMolDescriptors
    from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D
    from rdkit.DataStructs import TanimotoSimilarity
except ImportError as error:
    raise MissingExtraError("the tasks of PMO need RDKit: pip install 'gdopt[molecules]'") from error

from gdopt.molecules.smiles import molecule

__all__ = ["TASKS", "evaluate", "score"]

Property = Callable[[Chem.Mol], float]
Curve = Callable[[float], float]
Mean = Callable[[Sequence[float]], float]


def score(task: str, smiles: str) -> float:
    """The score of a molecule, from 0 to 1.

    Raises:
        ProblemError: there is no such task.
        SpaceError: it is not the SMILES of one molecule.
    """
    return _task(task)(molecule(smiles))


def evaluate(task: str) -> Callable[[Sequence[str]], list[float]]:
    """The function that scores a batch of molecules.

    Raises:
        ProblemError: there is no such task.
    """
    found = _task(task)

    def scores(batch: Sequence[str]) -> list[float]:
        """The score of each SMILES; a SpaceError where one cannot be read."""
        return [found(molecule(smiles)) for smiles in batch]

    return scores


def _task(name: str) -> "Task":
    if name not in TABLE:
        raise ProblemError(f"{name!r} is not a task of PMO: expected one of {', '.join(TASKS)}")
    return TABLE[name]


# Means.


def geometric(values: Sequence[float]) -> float:
    """The geometric mean of values that are not negative: 0 where one is."""
    return math.prod(values) ** (1 / len(values))


@dataclass(frozen=True)
class Task:
    """A mean of terms.

    Args:
        terms: properties and the curves that each goes through.
        mean: of what comes out.
    """

    terms: tuple[tuple[Property, Curve], ...]
    mean: Mean = geometric

    def __call__(self, mol: Chem.Mol) -> float:
        """The score of a molecule."""
        return self.mean([curve(of(mol)) for of, curve in self.terms])


# Curves: what is wanted of a property. GuacaMol's names for them are in brackets.


def as_it_is(x: float) -> float:
    """The value itself."""
    return x


def up_to(most: float) -> Curve:
    """Straight from 0 to 1 at a value, and 1 from there on (Clipped, Thresholded)."""
    return lambda x: min(x / most, 1.0)


def about(mu: float, sigma: float) -> Curve:
    """exp(-(x - μ)²/2σ²) (Gaussian)."""
    return lambda x: math.exp(-0.5 * ((x - mu) / sigma) ** 2)


def at_most(mu: float, sigma: float) -> Curve:
    """1 up to μ, and a Gaussian's fall from there on (MinGaussian)."""
    fall = about(mu, sigma)
    return lambda x: fall(max(x, mu))


def at_least(mu: float, sigma: float) -> Curve:
    """1 from μ on, and a Gaussian's rise before (MaxGaussian)."""
    rise = about(mu, sigma)
    return lambda x: rise(min(x, mu))


# Properties.

tpsa: Property = rdMolDescriptors.CalcTPSA  # topological polar surface area, in square ångström
bertz: Property = GraphDescriptors.BertzCT  # Bertz' complexity
rings: Property = rdMolDescriptors.CalcNumRings
aromatic_rings: Property = rdMolDescriptors.CalcNumAromaticRings
qed: Property = QED.qed  # quantitative estimate of drug-likeness (Bickerton et al. 2012)


def logp(mol: Chem.Mol) -> float:
    """The logarithm of the octanol-water partition coefficient, by atoms (Wildman and Crippen 1999)."""
    found: float = rdMolDescriptors.CalcCrippenDescriptors(mol)[0]
    return found


def elements(mol: Chem.Mol) -> Counter[str]:
    """How many atoms of each element a molecule has, its hydrogens among them."""
    return Counter(atom.GetSymbol() for atom in Chem.AddHs(mol).GetAtoms())


def fluorines(mol: Chem.Mol) -> float:
    """How many fluorine atoms a molecule has."""
    return elements(mol)["F"]


def isomer_of(formula: str) -> Property:
    """How near a molecule's formula is: the geometric mean of Gaussians of each element's count and of all atoms."""
    wanted = {element: int(count or 1) for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula)}
    curves = {element: about(count, 1.0) for element, count in wanted.items()}
    size = about(sum(wanted.values()), 2.0)

    def nearness(mol: Chem.Mol) -> float:
        found = elements(mol)
        return geometric([*(curve(found[element]) for element, curve in curves.items()), size(found.total())])

    return nearness


def with_part(smarts: str) -> Property:
    """1 if a molecule has a substructure, else 0."""
    pattern = Chem.MolFromSmarts(smarts)
    return lambda mol: float(mol.HasSubstructMatch(pattern))


def without_part(smarts: str) -> Property:
    """1 if a molecule does not have a substructure, else 0."""
    pattern = Chem.MolFromSmarts(smarts)
    return lambda mol: float(not mol.HasSubstructMatch(pattern))


Fingerprint = Callable[[Chem.Mol], Any]


def pharmacophores(mol: Chem.Mol) -> Any:
    """Pairs and triples of pharmacophores by their distances along bonds (Gobbi and Poppinger 1998)."""
    return Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory)


FINGERPRINTS: dict[str, Fingerprint] = {
    "ECFP4": rdFingerprintGenerator.GetMorganGenerator(radius=2).GetSparseCountFingerprint,
    "ECFP6": rdFingerprintGenerator.GetMorganGenerator(radius=3).GetSparseCountFingerprint,
    "FCFP4": rdFingerprintGenerator.GetMorganGenerator(
        radius=2, atomInvariantsGenerator=rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    ).GetSparseCountFingerprint,
    "atom pairs": rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10).GetSparseCountFingerprint,
    "pharmacophores": pharmacophores,
}


def similar_to(smiles: str, fingerprint: str) -> Property:
    """Tanimoto's similarity to a molecule, by counts but for pharmacophores, which are bits."""
    of = FINGERPRINTS[fingerprint]

    @cache
    def target() -> Any:
        return of(molecule(smiles))

    def similarity(mol: Chem.Mol) -> float:
        found: float = TanimotoSimilarity(target(), of(mol))
        return found

    return similarity


# The drugs, and what else is aimed at.

ALBUTEROL = "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1"
AMLODIPINE = r"Clc1ccccc1C2C(=C(/N/C(=C2/C(=O)OCC)COCCN)C)\C(=O)OC"
CAMPHOR = "CC1(C)C2CCC1(C)C(=O)C2"
CELECOXIB = "CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F"
FEXOFENADINE = "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)C(O)(c3ccccc3)c4ccccc4"
MENTHOL = "CC(C)C1CCC(C)CC1O"
MESTRANOL = "COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1"
OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
PERINDOPRIL = "O=C(OCC)C(NC(C(=O)N1C(C(=O)O)CC2CCCCC12)C)CCC"
RANOLAZINE = "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2"
SILDENAFIL = "CCCC1=NN(C2=C1N=C(NC2=O)C3=C(C=CC(=C3)S(=O)(=O)N4CCN(CC4)C)OCC)C"
SITAGLIPTIN = "Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F"
TADALAFIL = "O=C1N(CC(N2C1CC3=C(C2C4=CC5=C(OCO5)C=C4)NC6=C3C=CC=C6)=O)C"
THIOTHIXENE = "CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1"
TROGLITAZONE = "Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O"
ZALEPLON = "O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1"

# A kinase inhibitor, and the parts of it that a hop keeps or leaves.
HOPPED_FROM = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
SCAFFOLD = "[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"
SULFONE = "CS([#6])(=O)=O"
BENZOTHIAZOLE = "[#7]-c1ccc2ncsc2c1"
DECORATION = "[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1"

VALSARTANS_PART = "CN(C=O)Cc1ccc(c2ccccc2)cc1"


def as_sitagliptin(of: Property, sigma: float) -> tuple[Property, Curve]:
    """A property that is to be as sitagliptin's."""
    return of, about(of(molecule(SITAGLIPTIN)), sigma)


TABLE: dict[str, Task] = {
    "albuterol_similarity": Task(((similar_to(ALBUTEROL, "FCFP4"), up_to(0.75)),)),
    "amlodipine_mpo": Task(((similar_to(AMLODIPINE, "ECFP4"), as_it_is), (rings, about(3, 0.5)))),
    "celecoxib_rediscovery": Task(((similar_to(CELECOXIB, "ECFP4"), as_it_is),)),
    "deco_hop": Task(
        (
            (similar_to(HOPPED_FROM, "pharmacophores"), up_to(0.85)),
            (without_part(SULFONE), as_it_is),
            (without_part(BENZOTHIAZOLE), as_it_is),
            (with_part(SCAFFOLD), as_it_is),
        ),
        mean=fmean,
    ),
    "fexofenadine_mpo": Task(
        (
            (similar_to(FEXOFENADINE, "atom pairs"), up_to(0.8)),
            (tpsa, at_least(90, 10)),
            (logp, at_most(4, 1)),
        )
    ),
    "isomers_c7h8n2o2": Task(((isomer_of("C7H8N2O2"), as_it_is),)),
    "isomers_c9h10n2o2pf2cl": Task(((isomer_of("C9H10N2O2PF2Cl"), as_it_is),)),
    "median1": Task(((similar_to(CAMPHOR, "ECFP4"), as_it_is), (similar_to(MENTHOL, "ECFP4"), as_it_is))),
    "median2": Task(((similar_to(TADALAFIL, "ECFP6"), as_it_is), (similar_to(SILDENAFIL, "ECFP6"), as_it_is))),
    "mestranol_similarity": Task(((similar_to(MESTRANOL, "atom pairs"), up_to(0.75)),)),
    "osimertinib_mpo": Task(
        (
            (similar_to(OSIMERTINIB, "FCFP4"), up_to(0.8)),
            (similar_to(OSIMERTINIB, "ECFP6"), at_most(0.85, 0.1)),
            (tpsa, at_least(100, 10)),
            (logp, at_most(1, 1)),
        )
    ),
    "perindopril_mpo": Task(((similar_to(PERINDOPRIL, "ECFP4"), as_it_is), (aromatic_rings, about(2, 0.5)))),
    "qed": Task(((qed, as_it_is),)),
    "ranolazine_mpo": Task(
        (
            (similar_to(RANOLAZINE, "atom pairs"), up_to(0.7)),
            (tpsa, at_least(95, 20)),
            (logp, at_least(7, 1)),
            (fluorines, about(1, 1)),
        )
    ),
    "scaffold_hop": Task(
        (
            (similar_to(HOPPED_FROM, "pharmacophores"), up_to(0.75)),
            (with_part(DECORATION), as_it_is),
            (without_part(SCAFFOLD), as_it_is),
        ),
        mean=fmean,
    ),
    "sitagliptin_mpo": Task(
        (
            (similar_to(SITAGLIPTIN, "ECFP4"), about(0, 0.1)),
            as_sitagliptin(logp, 0.2),
            as_sitagliptin(tpsa, 5),
            (isomer_of("C16H15F6N5O"), as_it_is),
        )
    ),
    "thiothixene_rediscovery": Task(((similar_to(THIOTHIXENE, "ECFP4"), as_it_is),)),
    "troglitazone_rediscovery": Task(((similar_to(TROGLITAZONE, "ECFP4"), as_it_is),)),
    "valsartan_smarts": Task(
        (
            (with_part(VALSARTANS_PART), as_it_is),
            as_sitagliptin(tpsa, 5),
            as_sitagliptin(logp, 0.2),
            as_sitagliptin(bertz, 30),
        )
    ),
    "zaleplon_mpo": Task(((similar_to(ZALEPLON, "ECFP4"), as_it_is), (isomer_of("C19H17N3O2"), as_it_is))),
}
TASKS = tuple(TABLE)
