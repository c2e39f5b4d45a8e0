"""SMILES as people give them: canonical, or refused with the reason."""

import re
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from os import PathLike
from pathlib import Path

from rdkit import Chem, RDConfig, rdBase

from gdopt.errors import CorpusError, SpaceError

__all__ = ["canonical", "molecule", "nci", "read"]


def canonical(smiles: str) -> str:
    """The canonical SMILES of a molecule, RDKit's; equal for equal molecules, whatever the order of their atoms.

    Raises:
        SpaceError: it is not the SMILES of one molecule.
    """
    found: str = Chem.MolToSmiles(molecule(smiles))
    return found


def molecule(smiles: str) -> Chem.Mol:
    """RDKit's molecule of a SMILES string; what RDKit has to say of it is in the error, and not printed.

    Raises:
        SpaceError: RDKit cannot read it; or it has no atoms, more than one part, as salts have, or an open place `*`.
    """
    if not isinstance(smiles, str):
        raise SpaceError(f"{smiles!r} is a {type(smiles).__name__}: expected a SMILES string")
    # The one keeps errors, the other drops warnings, such as of a lone hydrogen; both end with the block.
    with rdBase.BlockLogs(), rdBase.CaptureErrorLog() as log:
        found = Chem.MolFromSmiles(smiles)
    if found is None:
        raise SpaceError(f"{smiles!r} is no molecule: {_reason(log.messages)}")
    if not found.GetNumAtoms():
        raise SpaceError(f"{smiles!r} is no molecule: it has no atoms")
    if (parts := len(Chem.GetMolFrags(found))) > 1:
        raise SpaceError(f"{smiles!r} is {parts} molecules, as salts and mixtures are: expected one")
    if any(not atom.GetAtomicNum() for atom in found.GetAtoms()):
        raise SpaceError(f"{smiles!r} is a part of a molecule: it has an open place *")
    return found


def _reason(log: str) -> str:
    """RDKit's first line, without the time of day."""
    return re.sub(r"^\[[\d:]+\] ", "", log.partition("\n")[0])


# How many refused lines a message lists.
LISTED = 5


def read(source: str | PathLike[str] | Sequence[str], *, skip: bool = False) -> list[str]:
    """The canonical SMILES of a corpus, each once and in order.

    Args:
        source: a file (.smi, .csv, .txt), or its lines. SMILES are the first column, up to a blank, a comma or a
            semicolon; a header `smiles`, empty lines and those that begin with # are passed over.
        skip: leave lines that cannot be used out, with a warning that says which.

    Raises:
        CorpusError: there is no such file, lines cannot be used, or fewer than two molecules are left.
    """
    lines = _lines(source) if isinstance(source, str | PathLike) else list(source)
    found, refused = _sorted_out(lines)
    if refused:
        listed = "; ".join(refused[:LISTED]) + ("; ..." if len(refused) > LISTED else "")
        of_all = f"{len(refused)} of {len(lines)}"
        if not skip:
            raise CorpusError(f"{of_all} lines cannot be used: {listed}. skip=True leaves them out")
        warnings.warn(f"{of_all} lines are left out: {listed}", stacklevel=2)
    if len(found) < 2:
        raise CorpusError(f"a corpus needs two different molecules at least, this one has {len(found)}")
    return found


def _lines(path: str | PathLike[str]) -> list[str]:
    try:
        # What is no text becomes lines that are refused.
        return Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error


def _sorted_out(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """Different canonical SMILES, and what is wrong with each other line."""
    found, refused = dict[str, None](), list[str]()
    header = True
    for number, line in enumerate(lines, 1):
        text = str(line).strip()  # a missing value in a list is NaN
        if not text or text.startswith("#"):
            continue
        column = re.split(r"[\s,;]", text, maxsplit=1)[0].strip("\"'")
        if not (header and column.lower() == "smiles"):
            try:
                found[canonical(column)] = None
            except SpaceError as error:
                refused.append(f"line {number}: {error}")
        header = False
    return list(found), refused


def nci() -> list[str]:
    """4,756 molecules of the National Cancer Institute's open collection that come with RDKit, in canonical SMILES.

    The first 4,999 of it, without 8 that RDKit cannot read, salts and mixtures, and duplicates: old and varied
    chemistry, of 2 to 122 heavy atoms and 15 at the median. The first call takes half a second.
    """
    return list(_nci())


@cache
def _nci() -> tuple[str, ...]:
    found, _ = _sorted_out(_lines(Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"))
    return tuple(found)
