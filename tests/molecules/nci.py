"""Molecules of the National Cancer Institute's open database, which RDKit comes with, and what is counted of them."""

from collections import Counter
from functools import cache
from pathlib import Path

from rdkit import Chem, RDConfig
from rdkit.rdBase import BlockLogs


@cache
def molecules() -> tuple[str, ...]:
    """Those of one fragment and 10 to 30 heavy atoms among the first thousand."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()[:1000]
    with BlockLogs():
        mols = [Chem.MolFromSmiles(line.split()[0]) for line in lines if "." not in line]
    return tuple(Chem.MolToSmiles(mol) for mol in mols if mol is not None and 10 <= mol.GetNumHeavyAtoms() <= 30)


def elements(smiles: str) -> Counter[str]:
    """How many heavy atoms of each element there are."""
    return Counter(atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles).GetAtoms())


def is_clean(smiles: str) -> bool:
    """Whether it is valid, canonical, one fragment, and without radicals."""
    mol = Chem.MolFromSmiles(smiles)
    return (
        mol is not None
        and "." not in smiles
        and Chem.MolToSmiles(mol) == smiles
        and not any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    )
