"""What stands beside each molecule's value in a table of a study."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rdkit.Chem import Draw

from gdopt.errors import SettingsError
from gdopt.molecules.scores import Neighbours, alerts, synthetic_accessibility
from gdopt.molecules.smiles import molecule

__all__ = ["SIZE", "picture", "table"]


def table(frame: pd.DataFrame, corpus: Sequence[str], *, column: str = "smiles") -> pd.DataFrame:
    """The frame with five more columns, of `gdopt.molecules.scores`, for the molecule in each row.

    They are `accessibility` (1, easy to make, to 10), `alerts` (their names, empty without any), `new` (whether it is
    not in the corpus), and `nearest` with `similarity`: the molecule of the corpus that is most like it, and how much,
    from 0 to 1. A thousand rows take a few seconds.

    Args:
        frame: a row a molecule, such as `study.to_frame()`.
        corpus: canonical SMILES, such as `prior.corpus`.
        column: that has the SMILES, canonical.

    Raises:
        SettingsError: the frame has no such column.
        CorpusError: the corpus is empty.
        SpaceError: one is not the SMILES of one molecule.
    """
    if column not in frame.columns:
        raise SettingsError(f"column = {column!r}: the frame has {', '.join(map(str, frame.columns))}")
    known, neighbours = set(corpus), Neighbours(tuple(corpus))
    molecules = list(frame[column])
    nearest = [neighbours.nearest(smiles) for smiles in molecules]
    return frame.assign(
        accessibility=[synthetic_accessibility(smiles) for smiles in molecules],
        alerts=["; ".join(alerts(smiles)) for smiles in molecules],
        new=[smiles not in known for smiles in molecules],
        nearest=[smiles for smiles, _ in nearest],
        similarity=[similarity for _, similarity in nearest],
    )


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
