"""Filters of molecules: what they let through, and that proposals obey them."""

from collections.abc import Callable

import pytest

from gdopt import SettingsError, SpaceError, Study
from gdopt.molecules import filters
from gdopt.molecules.filters import Makeable
from gdopt.molecules.scores import alerts, synthetic_accessibility
from gdopt.molecules.smiles import nci
from gdopt.space.string_spaces import MoleculeSpace
from tests.strategies import alkanes, masked


@pytest.mark.parametrize("accessibility", [2.0, 3.5])
@pytest.mark.parametrize("warned", [False, True])
def test_it_lets_through_what_is_easy_enough_and_not_warned_of(accessibility: float, warned: bool) -> None:
    some = nci()[:200]
    allowed = Makeable(accessibility, alerts=warned)
    expected = [s for s in some if synthetic_accessibility(s) <= accessibility and (warned or not alerts(s))]
    assert 0 < len(expected) < len(some)
    assert [s for s in some if allowed(s)] == expected


def test_its_settings_are_seen() -> None:
    assert repr(Makeable(3.0)) == "Makeable(accessibility=3.0, alerts=False)"


@pytest.mark.parametrize("accessibility", [0.5, 11.0, float("nan")])
def test_an_accessibility_off_the_scale_is_refused(accessibility: float) -> None:
    with pytest.raises(SettingsError, match=rf"accessibility = {accessibility}: expected 1 \(easy\) to 10"):
        Makeable(accessibility)


def test_what_is_no_molecule_is_neither_allowed_nor_not() -> None:
    with pytest.raises(SpaceError, match="'C1CC' is no molecule"):
        Makeable()("C1CC")


def counted(of: Callable[[str], object]) -> int:
    """How often it was computed."""
    misses: int = of.cache_info().misses  # type: ignore[attr-defined]
    return misses


def test_a_molecule_is_looked_at_once() -> None:
    before = counted(filters._alerts)
    for allowed in (Makeable(10.0), Makeable(9.0)):
        allowed("CCCCOCCCCCCN")
    assert counted(filters._alerts) == before + 1


def test_proposals_obey_it() -> None:
    allowed = Makeable(2.5)
    prior = alkanes()
    study = Study(prior.space, direction="maximize", algorithm=masked(prior, design_filter=allowed))
    for _ in range(3):
        study.tell({t.id: len(str(t.params["smiles"])) for t in study.ask(3)})
    found = [str(t.params["smiles"]) for t in study.trials]
    assert len(found) == 9
    assert all(synthetic_accessibility(s) <= 2.5 and not alerts(s) for s in found)


def test_a_corpus_that_holds_nothing_allowed_is_filled_up_from_the_prior_or_refused() -> None:
    prior = alkanes()
    study = Study(
        MoleculeSpace(), direction="maximize", algorithm=masked(prior, design_filter=lambda smiles: "I" in smiles)
    )
    with pytest.raises(SettingsError, match=r"n = 2: the prior has only 0 more strings that are allowed"):
        study.ask(2)
