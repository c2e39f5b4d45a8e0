"""Molecules as SMILES: what they are, how they differ, what a chemist would say of them. Needs `gdopt[molecules]`."""

from gdopt.errors import MissingExtraError

try:
    import rdkit  # noqa: F401
    import selfies as _  # noqa: F401  # gdopt.molecules.selfies is ours
except ImportError as error:
    raise MissingExtraError(f"molecules need {error.name}: pip install 'gdopt[molecules]'") from error
