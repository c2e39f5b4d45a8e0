"""Strings as rows of tokens, and what is hidden of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gdopt
from gdopt.candidates.token_edits import mask_crossover, mask_random, mask_unimportant, mask_window
from gdopt.codecs.tokens import Letters, Selfies, Tokens, missing_tokens
from gdopt.molecules.smiles import canonical, nci
from gdopt.surrogates.kmers import one_hot, pairs

TOKENS = 4


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_rows() -> torch.Tensor:
    """200 rows of 6 to 12 tokens."""
    x = torch.randint(TOKENS, (200, 12), generator=seeded())
    lengths = torch.randint(6, 13, (200, 1), generator=seeded(1))
    return torch.where(torch.arange(12) < lengths, x, TOKENS + 1)


def letters() -> Letters:
    (only,) = gdopt.SequenceSpace("abcd", max_length=12).parameters
    assert isinstance(only, gdopt.space.strings.Sequence)
    return Letters(only)


def test_sequences_come_back() -> None:
    some = ["abca", "d", "dcbadcba"]
    assert letters().read(letters().write(some)) == some
    assert isinstance(letters(), Tokens)


@given(st.sampled_from(nci()[:300]), st.integers(0, 2**31))
def test_molecules_come_back_from_any_way_to_write_them(smiles: str, seed: int) -> None:
    tokens = Selfies.of([smiles, "CCO"], seeded(seed))
    for generator in (None, seeded(seed)):
        (found,) = tokens.read(tokens.write([smiles], generator))
        # What has more tokens in this writing than in those looked at has an empty row.
        assert found is None or canonical(found) == found
        if found is not None and "@" not in smiles:
            assert found.count("C") + found.count("c") == smiles.count("C") + smiles.count("c")


def test_molecule_with_a_token_that_is_not_in_the_alphabet_has_an_empty_row() -> None:
    tokens = Selfies(("[C]", "[O]"), 5)
    assert (tokens.write(["CCN", "CCO"]) < 2).sum(1).tolist() == [0, 3]


def test_random_writings_of_a_molecule_differ() -> None:
    tokens = Selfies.of(["CC(C)C(=O)Nc1ccccc1O"], seeded())
    assert len({tuple(row) for row in tokens.write(["CC(C)C(=O)Nc1ccccc1O"] * 20, seeded()).tolist()}) > 5


def test_one_window_is_hidden_and_all_beside_it_stays() -> None:
    x = some_rows()
    rows = mask_window(x, TOKENS, 0.3, seeded(), stretch=False)
    masked = rows == TOKENS
    assert torch.equal(rows[~masked], x[~masked])
    edges = masked.int().diff(dim=1, prepend=torch.zeros(200, 1, dtype=torch.int))
    assert ((edges == 1).sum(1) == 1).all()
    assert float(masked.sum() / (x < TOKENS).sum()) == pytest.approx(0.3, abs=0.08)


def test_stretched_window_keeps_what_is_before_and_after_it() -> None:
    x = some_rows()
    for old, new in zip(x.tolist(), mask_window(x, TOKENS, 0.3, seeded(), stretch=True).tolist(), strict=True):
        own = [t for t in old if t < TOKENS]
        head = new[: new.index(TOKENS)] if TOKENS in new else [t for t in new if t < TOKENS]
        tail = [t for t in new[len(head) :] if t < TOKENS]
        assert own[: len(head)] == head or TOKENS not in new
        assert not tail or own[-len(tail) :] == tail or len(new) == 12


def test_scattered_tokens_are_hidden_in_their_share_and_one_at_least() -> None:
    x = some_rows()
    rows = mask_random(x, TOKENS, 0.25, seeded())
    lengths = (x < TOKENS).sum(1)
    assert torch.equal((rows == TOKENS).sum(1), (0.25 * lengths).round().clamp_min(1).long())
    assert ((mask_random(x, TOKENS, 0.01, seeded()) == TOKENS).sum(1) == 1).all()


def test_crossed_rows_have_the_head_of_one_and_the_tail_of_the_other_parent() -> None:
    x, y = torch.zeros(100, 8, dtype=torch.int64), torch.ones(100, 8, dtype=torch.int64)
    rows = mask_crossover(x, y, TOKENS, seeded(), stretch=False)
    assert ((rows < TOKENS) | (rows == TOKENS)).all()
    for row in rows.tolist():
        visible = [t for t in row if t < TOKENS]
        assert visible == sorted(visible)
        assert visible[0] == 0 or TOKENS in row


def test_unwritten_rows_are_as_long_as_asked_for() -> None:
    assert missing_tokens([2, 3], TOKENS, 3).tolist() == [[4, 4, 5], [4, 4, 4]]


def test_pairs_are_those_that_are_found_one_by_one() -> None:
    x, reach = some_rows()[:20], 3
    found = pairs(one_hot(x, TOKENS), reach)
    for row, one in zip(x.tolist(), found, strict=True):
        own = [t for t in row if t < TOKENS]
        expected = torch.zeros(TOKENS + reach * TOKENS**2, dtype=torch.float64)
        for at, a in enumerate(own):
            expected[a] = 1
            for distance in range(1, reach + 1):
                if at + distance < len(own):
                    expected[TOKENS + (distance - 1) * TOKENS**2 + a * TOKENS + own[at + distance]] = 1
        assert torch.equal(one, expected)


def test_what_is_spared_costs_no_more_than_the_most_and_is_one_place_at_least() -> None:
    x = torch.zeros(200, 6, dtype=torch.int64)
    x[:, 5] = TOKENS + 1
    costs = torch.tensor([0.0, 0.0, 0.3, 0.6, 2.0, 0.0]).expand(200, -1)
    gone = mask_unimportant(x, costs, 1.0, TOKENS, seeded()) == TOKENS
    spent = (gone * costs).sum(1)
    assert gone[:, :2].all()  # what costs nothing always goes
    assert not gone[:, 4:].any()  # what costs too much, or is beyond the end, never
    assert (spent <= 1.0).all()
    assert {0.0, 0.3, 0.6, 0.9} >= {round(one, 1) for one in spent.tolist()} > {0.0}
    dear = mask_unimportant(x, costs + 5.0, 1.0, TOKENS, seeded()) == TOKENS
    assert (dear.sum(1) == 1).all()
    assert dear[:, :2].any(1).all()  # the cheapest place
