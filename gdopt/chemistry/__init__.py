"""Molecules as SMILES: what they are, how they differ, what a chemist would say of them. Needs `gdopt[molecules]`."""

from gdopt.errors import MissingExtraError

try:
    import rdkit  # noqa: F401
except ImportError as error:
    raise MissingExtraError("molecules need RDKit: pip install 'gdopt[molecules]'") from error
