"""Sequences and molecules as parameters, and the spaces of one of them."""

import json
from pathlib import Path

import pytest
from hypothesis import given

import gdopt
from gdopt.codecs.box import BoxCodec
from gdopt.space import strings
from gdopt.space.serialization import from_json, to_json
from gdopt.space.strings import DNA
from tests.strategies import spaces_of_strings, unchecked


def sequence(**changes: object) -> strings.Sequence:
    given = {"name": "s", "alphabet": DNA, "shortest": 2, "longest": 4, **changes}
    return strings.Sequence(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("AXG", "'X' at position 1 of 'AXG' is not a letter"),
        ("A", "'A' has 1 letters, expected 2 to 4"),
        ("ACGTA", "has 5 letters, expected 2 to 4"),
        (3, "s = 3 is not a string"),
        ("CA", "has 'C' at position 0, where 'A' is fixed"),
        ("AGTT", "has the forbidden motif 'TT' at position 2"),
    ],
)
def test_sequence_that_is_not_of_the_space_is_refused_by_position(value: object, message: str) -> None:
    with pytest.raises(gdopt.SpaceError, match=message):
        sequence(fixed={0: "A"}, forbidden=("TT",)).check(value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alphabet": "A"}, "two or more different letters"),
        ({"alphabet": "AA"}, "two or more different letters"),
        ({"shortest": 5}, "lengths must be 1 or more, at most 1000000, the least first, got 5 to 4"),
        ({"fixed": {2: "A"}}, "at a position from 0 to 1"),
        ({"fixed": {0: "X"}}, "expected a letter of 'ACGT'"),
        ({"forbidden": ("AX",)}, "forbidden motif 'AX'"),
        ({"fixed": {0: "T", 1: "T"}, "forbidden": ("TT",)}, "spell the forbidden motif 'TT' at position 0"),
    ],
)
def test_sequence_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(gdopt.SpaceError, match=message):
        sequence(**changes)


def test_spaces_of_strings_come_back_from_json() -> None:
    space = gdopt.Space(
        [sequence(fixed={0: "A"}, forbidden=("TT",)), strings.Molecule("smiles"), gdopt.Real("x", 0, 1)]
    )
    assert from_json(to_json(space)) == space


def test_any_letter_may_be_forbidden_where_none_is_fixed() -> None:
    # A letter of no width stood for what is not fixed once, and was taken for a motif.
    one = gdopt.SequenceSpace("\0a", 2, forbidden=["\0"])
    assert one.allows({"sequence": "aa"})
    assert not one.allows({"sequence": "a\0"})


@given(spaces_of_strings())
def test_any_space_of_strings_comes_back_from_json(space: gdopt.Space) -> None:
    with unchecked():
        assert from_json(json.loads(json.dumps(to_json(space)))) == space


def test_spaces_that_allow_the_same_are_equal_whatever_their_corpus() -> None:
    one, other = (gdopt.SequenceSpace(DNA, 3, corpus=some) for some in (["ACG"], ["TTT", "GGG"]))
    assert one == other == gdopt.Space(one.parameters)
    assert hash(one) == hash(other)
    assert one != gdopt.SequenceSpace(DNA, 4)


def test_corpus_has_each_sequence_once_and_in_order() -> None:
    assert gdopt.SequenceSpace(DNA, 2, corpus=["GT", "AC", "GT"]).corpus == ("GT", "AC")


def test_wrong_sequences_of_a_corpus_are_listed_by_their_place() -> None:
    with pytest.raises(gdopt.CorpusError, match=r"sequence 1 of the corpus: .*'X' at position 0 .*; sequence 2 of"):
        gdopt.SequenceSpace(DNA, 2, corpus=["AC", "XC", "A"])


def test_length_and_longest_length_exclude_each_other() -> None:
    with pytest.raises(gdopt.SpaceError, match="give length or max_length"):
        gdopt.SequenceSpace(DNA, 3, max_length=4)
    with pytest.raises(gdopt.SpaceError, match="give length or max_length"):
        gdopt.SequenceSpace(DNA)


def test_molecules_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("smiles\nOCC alcohol\nCCO\nCCN\n")
    assert gdopt.MoleculeSpace.from_smiles(tmp_path / "some.smi").corpus == ("CCO", "CCN")


def test_lines_of_a_file_that_are_no_molecules_are_refused_by_number(tmp_path: Path) -> None:
    (tmp_path / "some.smi").write_text("CCO\nC1CC\nCCN\n")
    with pytest.raises(gdopt.CorpusError, match=r"line 2: 'C1CC' is no molecule"):
        gdopt.MoleculeSpace.from_smiles(tmp_path / "some.smi")


def test_sequences_of_one_length_have_a_column_for_each_letter_of_each_position() -> None:
    codec = BoxCodec(gdopt.SequenceSpace(DNA, 3, fixed={1: "C"}))
    some = [{"sequence": one} for one in ("ACG", "TCA")]
    assert codec.dim == 12
    assert codec.decode(codec.encode(some)) == some
    assert codec.decode(-codec.encode(some))[0]["sequence"][1] == "C"


def test_sequences_of_several_lengths_have_no_columns() -> None:
    with pytest.raises(gdopt.SpaceError, match="a sequence of more than one length"):
        BoxCodec(gdopt.SequenceSpace(DNA, max_length=3))


def test_corpus_of_molecules_is_canonical_each_once() -> None:
    assert gdopt.MoleculeSpace(["OCC", "CCO", "CCN"]).corpus == ("CCO", "CCN")


def test_wrong_molecules_of_a_corpus_are_listed_by_their_place() -> None:
    with (
        unchecked(),
        pytest.raises(
            gdopt.CorpusError,
            match=r"molecule 1 of the corpus: 'C1CC' is no molecule.*; molecule 2 .* is 2 .*; and 1 more",
        ),
    ):
        gdopt.MoleculeSpace(["CCO", "C1CC", "CC.O", 7, "*C"])  # type: ignore[list-item]
