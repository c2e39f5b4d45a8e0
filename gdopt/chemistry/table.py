"""What stands beside each molecule's value in a table of a study."""

from collections.abc import Sequence

import pandas as pd

from gdopt.chemistry.scores import Neighbours, alerts, synthetic_accessibility
from gdopt.errors import SettingsError

__all__ = ["table"]


def table(frame: pd.DataFrame, corpus: Sequence[str], *, column: str = "smiles") -> pd.DataFrame:
    """The frame with five more columns, of `gdopt.chemistry.scores`, for the molecule in each row.

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
