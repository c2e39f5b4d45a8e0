"""Molecules drawn beside each other, with what is known of them."""

from collections.abc import Sequence
from pathlib import Path

from rdkit.Chem import Draw

from gdopt.chemistry.scores import alerts, synthetic_accessibility
from gdopt.chemistry.smiles import molecule
from gdopt.errors import SettingsError

__all__ = ["picture"]

# Pixels of a molecule and of the letters below it, which have this share of its height.
SIZE, LETTERS, BELOW = (300, 250), 18, 0.2


def picture(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], path: str | Path) -> None:
    """Write a picture with a row for each name, of molecules with their value, accessibility and alerts below.

    Args:
        rows: names, such as "found", with the SMILES and the value of each of their molecules.
        path: where the picture goes, a png.

    Raises:
        SettingsError: there are no molecules.
        SpaceError: one is not the SMILES of one molecule.
    """
    columns = max((len(some) for _, some in rows), default=0)
    if not columns:
        raise SettingsError("a picture of no molecules: expected one at least")
    drawn, legends = [], []
    for name, some in rows:
        empty = columns - len(some)
        drawn += [*(molecule(smiles) for smiles, _ in some), *[None] * empty]
        legends += [*(_legend(name, smiles, value) for smiles, value in some), *[""] * empty]
    options = Draw.rdMolDraw2D.MolDrawOptions()
    options.legendFontSize = LETTERS  # type: ignore[assignment]  # RDKit's stubs have no numbers here
    options.legendFraction = BELOW  # type: ignore[assignment]
    image = Draw.MolsToGridImage(drawn, molsPerRow=columns, subImgSize=SIZE, legends=legends, drawOptions=options)
    image.save(path)


def _legend(name: str, smiles: str, value: float) -> str:
    count = len(alerts(smiles))
    warned = {0: "no alerts", 1: "1 alert"}.get(count, f"{count} alerts")
    return f"{name}: {value:.3f}\naccessibility {synthetic_accessibility(smiles):.1f}, {warned}"
