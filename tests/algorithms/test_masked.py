"""Masked diffusion as an algorithm: sequences and molecules by ask and tell."""

from pathlib import Path

import pytest

import gdopt
from gdopt.algorithms.base import Algorithm
from gdopt.priors.masked import MaskedPrior
from gdopt.space.strings import DNA
from gdopt.study.study import Study
from tests.strategies import LENGTH, alkanes, dna, masked, unchecked


def sites(sequence: str) -> float:
    """How often GC stands in a sequence: at most five times in ten letters."""
    return float(sequence.count("GC"))


def played(study: Study, rounds: int, n: int = 6) -> Study:
    name = study.space.names[0]
    for _ in range(rounds):
        trials = study.ask(n)
        study.tell({t.id: sites(str(t.params[name])) + len(str(t.params[name])) / 100 for t in trials})
    return study


def strings_of(study: Study) -> list[str]:
    return [str(t.params[study.space.names[0]]) for t in study.trials]


def test_it_is_an_algorithm() -> None:
    assert isinstance(masked(dna()), Algorithm)


def test_every_sequence_is_new_and_of_the_space() -> None:
    study = played(Study(dna().space, direction="maximize", algorithm=masked(dna())), 4)
    found = strings_of(study)
    assert len(set(found)) == len(found) == 24
    assert all(study.space.allows(t.params) for t in study.trials)


def test_sequences_improve_on_the_corpus() -> None:
    study = played(Study(dna().space, direction="maximize", algorithm=masked(dna())), 8)
    assert sites(str(study.best.params["sequence"])) > max(map(sites, dna().corpus))


def test_molecules_are_canonical_and_new() -> None:
    from gdopt.molecules.smiles import canonical

    study = played(Study(alkanes().space, direction="maximize", algorithm=masked(alkanes())), 3)
    found = strings_of(study)
    assert len(set(found)) == len(found)
    assert [canonical(one) for one in found] == found
    assert {t.source for t in study.trials} - {"start", "corpus"}


def test_only_allowed_strings_are_proposed() -> None:
    study = Study(
        alkanes().space, direction="maximize", algorithm=masked(alkanes(), design_filter=lambda one: "N" not in one)
    )
    assert not any("N" in one for one in strings_of(played(study, 3, n=3)))


@pytest.mark.parametrize("finetune", [0, 3])
def test_resumed_study_goes_on_bit_for_bit(tmp_path: Path, finetune: int) -> None:
    algorithm = masked(dna(), finetune=finetune)
    whole = played(Study(dna().space, direction="maximize", algorithm=algorithm), 3)
    played(Study(dna().space, direction="maximize", algorithm=algorithm, storage=tmp_path / "s.gdopt"), 2)
    resumed = Study(dna().space, direction="maximize", algorithm=algorithm, storage=tmp_path / "s.gdopt")
    assert strings_of(played(resumed, 1)) == strings_of(whole)


def test_prior_that_was_saved_samples_the_same(tmp_path: Path) -> None:
    for name, prior in (("dna", dna()), ("alkanes", alkanes())):
        prior.save(tmp_path / name)
        loaded = MaskedPrior.load(tmp_path / name)
        assert loaded.sample(5, seed=1) == prior.sample(5, seed=1)
        assert (loaded.space, loaded.corpus) == (prior.space, prior.corpus)


def test_fixed_letters_and_forbidden_motifs_are_kept() -> None:
    corpus = [one for one in dna().corpus if one[3] == "A" and "TT" not in one]
    space = gdopt.SequenceSpace(DNA, LENGTH, corpus=corpus, fixed={3: "A"}, forbidden=["TT"])
    study = played(
        Study(space, direction="maximize", algorithm=masked(MaskedPrior.fit(space, steps=5), n_initial=2)), 3, n=4
    )
    found = strings_of(study)
    assert all(one[3] == "A" and "TT" not in one for one in found)


def test_a_small_space_is_exhausted_once_all_of_its_sequences_were_tried() -> None:
    space = gdopt.SequenceSpace("ab", 2, corpus=["aa", "bb"])
    study = Study(space, direction="maximize", algorithm=masked(MaskedPrior.fit(space, steps=1)))
    assert {t.params["sequence"] for t in study.ask(5)} == {"aa", "ab", "ba", "bb"}
    with pytest.raises(gdopt.ExhaustedError, match="all 4 designs were tried"):
        study.ask(1)


def test_prior_of_another_space_is_refused() -> None:
    with pytest.raises(gdopt.SpaceError, match="another space"):
        Study(alkanes().space, direction="maximize", algorithm=masked(dna()))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_initial", 1, "2 or more"),
        ("mask_fraction", 0.0, "a share above 0"),
        ("share_broad", 1.2, "shares, together"),
        ("thompson_scale", -1.0, "0 or"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=f"{name}.*{message}"):
        masked(dna(), **{name: value})


def test_corpus_of_one_string_is_refused() -> None:
    with pytest.raises(gdopt.CorpusError, match="two different strings or more, got 1"):
        MaskedPrior.fit(gdopt.SequenceSpace(DNA, 3, corpus=["ACG", "ACG"]))


def test_told_molecule_that_was_not_asked_for_is_added_in_canonical_form() -> None:
    study = Study(alkanes().space, direction="maximize", algorithm=masked(alkanes()))
    assert study.add({"smiles": "OCC"}, 1.0).params["smiles"] == "CCO"
    with pytest.raises(gdopt.SpaceError, match="is no molecule"):
        study.add({"smiles": "C1CC"}, 1.0)


def test_numbers_cannot_stand_for_molecules() -> None:
    with pytest.raises(
        gdopt.SpaceError, match=r"smiles: a molecule cannot be encoded as numbers; use gdopt.MaskedDiffusion"
    ):
        Study(alkanes().space, direction="maximize")


# What people may give.


@pytest.mark.parametrize("space", [gdopt.SequenceSpace(DNA, 3), gdopt.MoleculeSpace()])
def test_an_empty_corpus_is_refused(space: gdopt.SequenceSpace | gdopt.MoleculeSpace) -> None:
    with pytest.raises(gdopt.CorpusError, match="two different strings or more, got 0"):
        MaskedPrior.fit(space)


def test_one_molecule_in_two_spellings_is_one() -> None:
    with pytest.raises(gdopt.CorpusError, match="two different strings or more, got 1"):
        MaskedPrior.fit(gdopt.MoleculeSpace(["CCO", "OCC"]))


def test_a_space_of_numbers_has_no_prior_of_strings() -> None:
    with unchecked(), pytest.raises(gdopt.SpaceError, match="a MoleculeSpace or a SequenceSpace, got a Space"):
        MaskedPrior.fit(gdopt.Space.from_bounds([(0, 1)]))  # type: ignore[arg-type]


@pytest.mark.parametrize("smiles", ["c1ccccc1Br", "C" * 60, "F[P-](F)(F)(F)(F)F"], ids=["tokens", "length", "selfies"])
def test_an_added_molecule_that_the_prior_cannot_write_is_learned_from(smiles: str) -> None:
    study = Study(alkanes().space, direction="maximize", algorithm=masked(alkanes(), n_initial=2))
    for value, one in enumerate(("CCO", "CCCO", smiles)):
        study.add({"smiles": one}, float(value))
    assert len({str(t.params["smiles"]) for t in study.ask(4)}) == 4
    assert study.rounds[0].sources.get("start") is None


def test_a_string_cannot_be_told_as_if_it_were_a_trial() -> None:
    study = Study(alkanes().space, direction="maximize", algorithm=masked(alkanes()))
    study.ask(2)
    with (
        unchecked(),
        pytest.raises(
            gdopt.TrialError,
            match=r"trial 'CCO' is unknown; pending are \[0, 1\]; add takes results that were not asked for",
        ),
    ):
        study.tell({"CCO": 1.0})  # type: ignore[dict-item]


def test_an_added_sequence_that_is_longer_than_the_space_allows_is_refused() -> None:
    study = Study(dna().space, direction="maximize", algorithm=masked(dna()))
    with pytest.raises(gdopt.SpaceError, match=f"has {LENGTH + 1} letters, expected {LENGTH}"):
        study.add({"sequence": "A" * (LENGTH + 1)}, 1.0)
    assert study.trials == []


def test_limits_on_outcomes_enter_the_selection_of_sequences() -> None:
    limited = Study(dna().space, direction="maximize", outcome_constraints=["gs <= 3"], algorithm=masked(dna()))
    blind = Study(dna().space, direction="maximize", tracking_metrics=["gs"], algorithm=masked(dna()))
    for study in (limited, blind):
        for _ in range(6):
            found = {t.id: str(t.params["sequence"]) for t in study.ask(6)}
            # G is worth most, and of G there may be three.
            study.tell({i: {"value": 3 * s.count("G") + s.count("C"), "gs": s.count("G")} for i, s in found.items()})
    kept, by_chance = (sum(t.outcomes["gs"][0] <= 3 for t in s.trials if t.source != "start") for s in (limited, blind))
    assert kept > 1.5 * by_chance
    assert all(t.feasible is not None for t in limited.trials[-6:])
    assert str(limited.best.params["sequence"]).count("G") <= 3
