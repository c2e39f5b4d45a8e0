"""Molecules as SMILES: what they are, how they differ, what a chemist would say of them. Needs `gdopt[molecules]`."""
