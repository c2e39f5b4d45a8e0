"""Baselines of strings: what they make, what they refuse, and that those that learn are better than chance."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import gdopt
from gdopt.algorithms.base import Algorithm
from gdopt.baselines import string_baseline, string_names
from gdopt.baselines.genetic import by_letters
from gdopt.baselines.vsd import refitted
from gdopt.diffusion.markov import counted
from gdopt.errors import CorpusError, SettingsError, SpaceError
from gdopt.study.study import Study
from tests.strategies import alcohols, drive, many_sequences, quick_string


@pytest.mark.parametrize("name", string_names())
def test_every_name_makes_an_algorithm_for_the_strings_that_it_is_for(name: str) -> None:
    space = alcohols() if string_names()[name] == "molecules" else many_sequences()
    made = string_baseline(name, space)
    assert isinstance(made, Algorithm)
    assert len(Study(space, direction="maximize", algorithm=made).ask(3)) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("graph-gs", "baseline 'graph-gs' of strings is unknown; there are corpus-random, "),
        ("graph-ga", "baseline 'graph-ga' is for molecules; the space is of sequence"),
    ],
)
def test_a_name_that_is_unknown_or_for_other_strings_is_refused(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        string_baseline(name, many_sequences())


def test_numbers_and_several_lengths_are_refused() -> None:
    ga, vsd = (string_baseline(name, many_sequences()) for name in ("genetic", "vsd"))
    with pytest.raises(SpaceError, match="expected one string"):
        ga.init(gdopt.Space.from_bounds([(0, 1)]), 0)
    corpus = tuple("ACGT" * n for n in range(1, 13))
    stretching = gdopt.SequenceSpace("ACGT", max_length=50, corpus=corpus)
    for algorithm in (ga, vsd):
        study = Study(stretching, direction="maximize", algorithm=replace(algorithm, corpus=corpus, n_initial=4))
        study.tell({t.id: float(t.id) for t in study.ask(4)})
        with pytest.raises(SpaceError, match="expected one sequence, of one length"):
            study.ask(2)


@pytest.mark.parametrize("name", ["genetic", "genetic-thompson", "vsd"])
def test_fixed_letters_are_kept_and_forbidden_motifs_are_not_made(name: str) -> None:
    corpus = ["AC" + one[2:10].replace("GG", "GA") + "TA" for one in many_sequences().corpus]
    space = gdopt.SequenceSpace("ACGT", 12, corpus=corpus, fixed={0: "A", 11: "A"}, forbidden=["GGG"])
    study = drive(Study(space, direction="maximize", algorithm=quick_string(name, space)), 4, 12)
    new = [str(t.params["sequence"]) for t in study.trials if t.source != "start"]
    assert len(new) == 36
    assert all(one[0] == one[11] == "A" and "GGG" not in one for one in new)


@pytest.mark.parametrize("name", ["corpus-random", "pool-thompson"])
def test_what_has_tried_the_whole_corpus_goes_on_with_other_sequences(name: str) -> None:
    space = gdopt.SequenceSpace("ACGT", 12, corpus=many_sequences().corpus[:20])
    study = drive(Study(space, direction="maximize", algorithm=quick_string(name, space)), 4, 8)
    found = [str(t.params["sequence"]) for t in study.trials]
    assert set(found[:20]) == set(space.corpus)
    assert len(set(found)) == len(found) == 32


@pytest.mark.parametrize("name", ["corpus-random", "pool-thompson"])
def test_molecules_of_the_corpus_are_exhausted(name: str) -> None:
    space = gdopt.MoleculeSpace.from_smiles(["CCO", "CCCO", "CCN", "CCCN", "CCOC"])
    study = Study(space, direction="maximize", algorithm=quick_string(name, space))
    drive(study, 1, 8, lambda p: float(len(str(p))))
    with pytest.raises(gdopt.ExhaustedError, match="all 5 designs were tried"):
        study.ask(1)


def test_an_empty_corpus_is_refused() -> None:
    space = gdopt.SequenceSpace("ACGT", 12)
    with pytest.raises(CorpusError, match="the corpus has no string that the space allows"):
        Study(space, direction="maximize", algorithm=string_baseline("genetic", space)).ask(1)


def test_offspring_of_letters_are_new_and_as_many_as_asked_for(generator: torch.Generator) -> None:
    parents, known = many_sequences().corpus[:5], set(many_sequences().corpus)
    found = by_letters(many_sequences(), parents, None, 40, known, generator)
    assert len(set(found)) == len(found) == 40
    assert not known & set(found)


def test_a_refitted_chain_is_the_counts_of_its_rows_with_a_prior_at_their_back(generator: torch.Generator) -> None:
    rows = torch.tensor([[0, 1, 1], [0, 1, 0], [1, 0, 0]])
    prior = counted(torch.randint(2, (50, 3), generator=generator), 2)
    weights = torch.tensor([3.0, 3.0, 0.0], dtype=torch.float64)
    chain = refitted(prior, rows, weights, 1e-9)
    # The two rows of weight count as two: 0 comes first, 1 next, then either.
    torch.testing.assert_close(chain.first, torch.tensor([1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(chain.steps[0, 0], torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(chain.steps[1, 1], torch.tensor([0.5, 0.5], dtype=torch.float64))
    alone = refitted(prior, rows, torch.zeros(3, dtype=torch.float64), 1.0)
    torch.testing.assert_close(alone.steps[1], prior.step)


def test_a_chain_is_sampled_as_often_as_it_says(generator: torch.Generator) -> None:
    rows = torch.randint(3, (30, 4), generator=generator)
    chain = refitted(counted(rows, 3), rows, torch.ones(30, dtype=torch.float64), 5.0)
    x = chain.sample(20_000, generator)
    first = torch.bincount(x[:, 0], minlength=3) / 20_000
    torch.testing.assert_close(first.double(), chain.first, atol=0.02, rtol=0)
    after = torch.stack([torch.bincount(x[x[:, 1] == a, 2], minlength=3) for a in range(3)]).double()
    torch.testing.assert_close(after / after.sum(1, keepdim=True), chain.steps[1], atol=0.03, rtol=0)


def found(algorithm: Algorithm, seed: int) -> float:
    study = Study(many_sequences(), direction="maximize", algorithm=algorithm, seed=seed)
    trials = drive(study, 6, 10, lambda p: float(str(p["sequence"]).count("GC"))).trials
    return float(np.mean([t.value for t in trials[30:]]))


@cache
def by_chance() -> float:
    return float(np.mean([found(string_baseline("corpus-random", many_sequences()), seed) for seed in range(3)]))


@pytest.mark.parametrize("name", ["genetic-thompson", "vsd", "pool-thompson"])
def test_each_proposes_more_sites_than_the_corpus_in_random_order_has(name: str) -> None:
    assert np.mean([found(quick_string(name, many_sequences()), seed) for seed in range(3)]) > by_chance()
