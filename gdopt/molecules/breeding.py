"""Parents drawn by fitness, and offspring of them until there are enough, whatever the operators."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from rdkit import Chem
from torch import Tensor

from gdopt.errors import SettingsError
from gdopt.molecules.smiles import canonical

__all__ = ["PUBLISHED_SIZE", "Cross", "Mutate", "Size", "bred", "by_quantile", "by_value", "drawn_from", "fragment"]

Cross = Callable[[str, str], str | None]
Mutate = Callable[[str], str | None]
# Tries for each of the offspring that is asked for, before what was found has to do.
TRIES = 20
# How often a canonical SMILES is read and written again: stereo marks that mean nothing can take two rounds to go.
ROUNDS = 4
# Of Mol GA: the finest of the quantiles, and how many there are from it to the whole population.
FINEST, QUANTILES = 1e-3, 25


@dataclass(frozen=True, slots=True)
class Size:
    """How large a molecule may become: `least` heavy atoms or more, and fewer than a draw of N(mean, deviation²).

    A limit is drawn for every candidate, so that the largest are rare instead of forbidden (Jensen 2019).
    """

    least: int = 6
    mean: float = 39.15
    deviation: float = 3.5

    def allows(self, atoms: int, rng: np.random.Generator) -> bool:
        """Whether a candidate of so many heavy atoms is kept."""
        return self.least <= atoms < self.mean + self.deviation * rng.standard_normal()


PUBLISHED_SIZE = Size()


def by_value(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The share of the offspring that each has as a parent: in proportion to its value, higher is better.

    This is Graph GA's selection (Jensen 2019). Where there are negative values, the lowest counts as zero.
    """
    if len(values) == 0:
        return values
    weights = values - values.min().clamp_max(0)
    total = weights.sum()
    return weights / total if total > 0 else torch.full_like(values, 1 / len(values))


def by_quantile(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The share of the offspring that each has as a parent: that of a draw from the best 10⁻ᵘ, u uniform on [0, 3].

    This is Mol GA's selection (Tripp and Hernández-Lobato 2023, arXiv 2310.09267), in expectation: 25 quantiles with
    equal steps in u, and all above a quantile alike.
    """
    if len(values) == 0:
        return values
    levels = 1 - torch.logspace(float(np.log10(FINEST)), 0, QUANTILES, dtype=values.dtype)
    chosen = (values >= torch.quantile(values, levels).unsqueeze(1)).to(values)
    return (chosen / chosen.sum(1, keepdim=True)).mean(0)


def bred(
    cross: Cross,
    mutate: Mutate,
    parents: Sequence[str],
    weights: Sequence[float] | Float[Tensor, " k"] | None,
    n: int,
    rng: np.random.Generator,
    *,
    crossover_rate: float,
    mutation_rate: float,
    without: Collection[str] = (),
) -> list[str]:
    """n offspring, none twice and none that is a parent or in `without`; fewer where 20 n tries have not found them.

    A child is the cross of two parents, drawn by weight with replacement, and mutated with the probability
    `mutation_rate`; or else, with the probability 1 - `crossover_rate`, one parent mutated.

    Raises:
        SettingsError: there are no parents, or the weights or a rate are no probabilities.
        SpaceError: a parent is not the SMILES of one molecule.
    """
    shares = _shares(parents, weights)
    _check_rate("crossover_rate", crossover_rate)
    _check_rate("mutation_rate", mutation_rate)
    pool = [canonical(parent) for parent in parents]
    seen, found = {*pool, *without}, list[str]()
    for _ in range(TRIES * n):
        if len(found) == n:
            break
        mother, father = (pool[i] for i in rng.choice(len(pool), 2, p=shares))
        crossed = rng.random() < crossover_rate
        child = cross(mother, father) if crossed else mother
        if child is not None and (not crossed or rng.random() < mutation_rate):
            child = mutate(child)
        if child is not None and child not in seen:
            seen.add(child)
            found.append(child)
    return found


def fragment(smiles: str) -> str | None:
    """The canonical SMILES, one that stays the same when it is read and written again.

    None if it is not one molecule, without radicals.
    """
    if not smiles or "." in smiles:
        return None
    for _ in range(ROUNDS):
        mol = Chem.MolFromSmiles(smiles)
        if mol is None or any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
            return None
        written = Chem.MolToSmiles(mol)
        if written == smiles:
            return smiles
        smiles = written
    return None


def drawn_from(generator: torch.Generator) -> np.random.Generator:
    """The stream of NumPy that the next number of torch's stream starts."""
    return np.random.default_rng(int(torch.randint(2**63 - 1, (1,), generator=generator)))


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise SettingsError(f"{name} = {rate}: expected a probability, from 0 to 1")


def _shares(parents: Sequence[str], weights: Sequence[float] | Float[Tensor, " k"] | None) -> np.ndarray:
    if len(parents) == 0:
        raise SettingsError("parents = []: expected one molecule or more")
    if weights is None:
        return np.full(len(parents), 1 / len(parents))
    shares = np.asarray(weights, dtype=float)
    if shares.shape != (len(parents),):
        raise SettingsError(f"weights have the shape {shares.shape}: expected one for each of {len(parents)} parents")
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise SettingsError("weights: expected finite numbers, none negative and not all zero")
    # Not in place: the array may be the caller's own memory.
    normalized: np.ndarray = shares / shares.sum()
    return normalized
