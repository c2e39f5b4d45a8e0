"""Molecules as SELFIES, in which every string is a molecule (Krenn et al. 2020, arXiv 1905.13741)."""

from collections.abc import Sequence

import selfies
from rdkit import Chem, rdBase

__all__ = ["molecule", "spelled"]


def spelled(smiles: str, seed: int | None = None) -> tuple[str, ...] | None:
    """The tokens of a molecule; with a seed written from a random atom in a random order. None if it has no SELFIES."""
    if seed is not None:
        (smiles,) = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), 1, randomSeed=seed)
    try:
        return tuple(selfies.split_selfies(selfies.encoder(smiles)))
    except selfies.EncoderError:
        return None


def molecule(tokens: Sequence[str]) -> str | None:
    """The canonical SMILES that the tokens stand for; None for no atom, several fragments, or what RDKit cannot read.

    A SELFIES string keeps the valences of its own table; RDKit's rules of aromaticity and charge may still refuse it.
    """
    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(selfies.decoder("".join(tokens)))
    if found is None or not found.GetNumAtoms() or len(Chem.GetMolFrags(found)) > 1:
        return None
    written: str = Chem.MolToSmiles(found)
    return written
