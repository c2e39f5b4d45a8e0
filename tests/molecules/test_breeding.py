"""Selection of parents, and what is common to offspring whatever the operators."""

from types import ModuleType

import numpy as np
import pytest
import torch
from rdkit import Chem

from gdopt.errors import GdoptError, SettingsError, SpaceError
from gdopt.molecules import graph_operators, selfies_operators
from gdopt.molecules.breeding import Size, by_quantile, by_value, fragment
from tests.molecules.nci import is_clean, molecules

MOVES = pytest.mark.parametrize("moves", [graph_operators, selfies_operators], ids=["graph", "selfies"])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@MOVES
def test_offspring_are_clean_new_and_as_many_as_asked_for(moves: ModuleType, generator: torch.Generator) -> None:
    parents = molecules()[::10]
    known = moves.offspring(parents, None, 30, seeded(0))
    found = moves.offspring(parents, None, 60, generator, without=known)
    assert len(set(found)) == 60
    assert not {*found} & {*parents, *known}
    assert all(is_clean(child) for child in found)


@MOVES
def test_offspring_follow_the_generator_and_nothing_else(moves: ModuleType, untouched_random_state: None) -> None:
    parents = molecules()[:20]
    found = [moves.offspring(parents, None, 10, seeded(seed), crossover_rate=0.5) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@MOVES
def test_the_moves_follow_the_generator(moves: ModuleType) -> None:
    mother, father = molecules()[3:5]
    assert moves.mutate(mother, seeded(5)) == moves.mutate(mother, seeded(5))
    assert moves.crossover(mother, father, seeded(5)) == moves.crossover(mother, father, seeded(5))


@MOVES
def test_parents_without_weight_have_no_offspring(moves: ModuleType, generator: torch.Generator) -> None:
    parents = ["CCCCOCCC", "CCCOCCCCC", "BrCCCCCCCBr"]
    found = moves.offspring(parents, [1.0, 2.0, 0.0], 20, generator, crossover_rate=1.0, mutation_rate=0.0)
    assert found
    assert not any("Br" in child for child in found)


@MOVES
def test_offspring_keep_to_the_size(moves: ModuleType, generator: torch.Generator) -> None:
    size = Size(least=12, mean=18, deviation=0)
    found = moves.offspring(molecules()[::7], None, 60, generator, crossover_rate=0.5, size=size)
    assert {Chem.MolFromSmiles(child).GetNumHeavyAtoms() for child in found} <= {*range(12, 18)}


@MOVES
def test_offspring_are_fewer_where_there_are_no_more(moves: ModuleType, generator: torch.Generator) -> None:
    assert moves.offspring(["C"], None, 3, generator) == []


@MOVES
def test_offspring_of_nobody_are_refused(moves: ModuleType, generator: torch.Generator) -> None:
    with pytest.raises(GdoptError, match=r"parents = \[\]: expected one molecule or more"):
        moves.offspring([], None, 3, generator)


@MOVES
@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0], "expected one for each of 2"), ([1.0, -1.0], "none negative"), ([0.0, 0.0], "not all zero")],
)
def test_weights_that_are_none_are_refused(
    moves: ModuleType, weights: list[float], message: str, generator: torch.Generator
) -> None:
    with pytest.raises(SettingsError, match=message):
        moves.offspring(["CCO", "CCN"], weights, 3, generator)


def test_weights_are_not_touched(generator: torch.Generator) -> None:
    weights = torch.tensor([3.0, 1.0], dtype=torch.float64)
    graph_operators.offspring(molecules()[:2], weights, 2, generator)
    assert weights.tolist() == [3.0, 1.0]


@MOVES
def test_a_rate_above_one_is_refused(moves: ModuleType, generator: torch.Generator) -> None:
    with pytest.raises(SettingsError, match=r"mutation_rate = 1.5: expected a probability"):
        moves.offspring(["CCO"], None, 3, generator, mutation_rate=1.5)


@MOVES
def test_what_is_no_molecule_is_refused(moves: ModuleType, generator: torch.Generator) -> None:
    with pytest.raises(SpaceError, match="'CC1' is no molecule"):
        moves.mutate("CC1", generator)
    with pytest.raises(SpaceError, match="'CC1' is no molecule"):
        moves.offspring(["CCO", "CC1"], None, 3, generator)


@MOVES
def test_an_unknown_mutation_is_refused(moves: ModuleType, generator: torch.Generator) -> None:
    with pytest.raises(SettingsError, match="kind = 'swap': expected one of"):
        moves.mutate("CCO", generator, kind="swap")


@MOVES
def test_a_salt_is_refused(moves: ModuleType, generator: torch.Generator) -> None:
    with pytest.raises(SpaceError, match="is 2 molecules, as salts and mixtures are"):
        moves.offspring(["CCO", "[Na+].[O-]C(=O)CCCCCC"], None, 3, generator)


@pytest.mark.parametrize("smiles", ["", "C.C", "C1CC", "c1cccc1", "C[CH2]"])
def test_what_is_not_one_molecule_is_no_fragment(smiles: str) -> None:
    assert fragment(smiles) is None


def test_weights_by_value_are_the_values_shares() -> None:
    assert torch.allclose(by_value(torch.tensor([3.0, 1.0, 0.0])), torch.tensor([0.75, 0.25, 0.0]))
    assert torch.allclose(by_value(torch.tensor([2.0, -1.0, 0.0])), torch.tensor([0.75, 0.0, 0.25]))
    assert torch.allclose(by_value(torch.zeros(4)), torch.full((4,), 0.25))


def test_nobody_has_no_weights() -> None:
    assert by_value(torch.zeros(0)).shape == by_quantile(torch.zeros(0)).shape == (0,)


def test_weights_by_quantile_are_those_of_draws_above_each_quantile() -> None:
    values = np.random.default_rng(0).normal(size=200).round(1)
    expected = np.zeros(200)
    for share in np.logspace(-3, 0, 25):
        above = values >= np.quantile(values, 1 - share)
        expected += above / above.sum() / 25
    assert np.allclose(by_quantile(torch.from_numpy(values)), expected)
