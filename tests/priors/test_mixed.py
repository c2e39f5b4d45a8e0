"""A prior of mixed designs: its law against the mixture that the corpus was drawn of, and what is made of it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

import gdopt
from gdopt import Choice, CorpusError, DiffusionPrior, GuidedDiffusion, Integer, Real, Space, SpaceError
from gdopt.adapters.botorch import prior_candidates
from gdopt.adapters.host import prior_space
from gdopt.algorithms.settings import with_settings
from gdopt.baselines import baseline
from gdopt.candidates.discrete import frequencies
from gdopt.candidates.initial import codec_of
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import as_array, as_params
from gdopt.diffusion.network import PreconditionedNet, network
from gdopt.diffusion.training import fit
from tests.strategies import NESTED, unchecked

# The solvent decides the mean of the temperature, one base is rare, the dose varies over decades.
SOLVENTS = {"DMF": (0.6, 20.0), "THF": (0.3, 50.0), "water": (0.1, 80.0)}
SD = 4.0
SPACE = Space(
    [
        Choice("solvent", list(SOLVENTS)),
        Real("temperature", 0, 100, unit="degC"),
        Choice("base", ["weak", "medium", "strong"], ordered=True),
        Integer("equivalents", 1, 3),
        Real("dose", 1e-2, 1e2, log_scale=True),
    ]
)


@cache
def experiments(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Draws of the mixture."""
    rng = np.random.default_rng(seed)
    solvent = rng.choice(list(SOLVENTS), n, p=[share for share, _ in SOLVENTS.values()])
    means = np.array([SOLVENTS[one][1] for one in solvent])
    return pd.DataFrame(
        {
            "solvent": solvent,
            "temperature": rng.normal(means, SD).clip(0, 100),
            "base": rng.choice(["weak", "medium"], n, p=[0.2, 0.8]),
            "equivalents": rng.integers(1, 4, n),
            "dose": 10 ** rng.normal(0, 0.3, n),
        }
    )


@cache
def untrained() -> DiffusionPrior:
    """Of these experiments, its law the Gaussian of their moments."""
    return DiffusionPrior.fit(experiments(), space=SPACE, steps=1)


@cache
def trained() -> DiffusionPrior:
    """The same with a small network, trained at a pace that takes seconds."""
    net = untrained().denoiser
    assert isinstance(net, PreconditionedNet)
    small = network(net.mean, net.basis, net.spread, width=64, blocks=2)
    generator = torch.Generator().manual_seed(0)
    found, _ = fit(small, untrained().z, generator, steps=1500, learning_rate=5e-3, average=0.99, holdout=0)
    return replace(untrained(), denoiser=found)


# The corpus.


def test_columns_of_strings_are_choices_and_others_real_numbers() -> None:
    found = DiffusionPrior.fit(experiments(), steps=1).space
    assert found.parameters[0] == Choice("solvent", ["DMF", "THF", "water"])
    assert [type(p) for p in found.parameters] == [Choice, Real, Choice, Real, Real]
    assert found.parameters[3] == Real("equivalents", 1 - 0.1, 3 + 0.1)


def test_a_corpus_as_numbers_and_back_is_the_same() -> None:
    rows = experiments().to_dict("records")
    assert as_params(SPACE, as_array(SPACE, rows)) == rows
    assert BoxCodec(SPACE).decode_array(BoxCodec(SPACE).encode_array(as_array(SPACE, rows))).numpy() == pytest.approx(
        as_array(SPACE, rows).numpy()
    )


def test_equal_experiments_count_once_and_their_weights_add_up() -> None:
    some = experiments().head(30)
    twice = DiffusionPrior.fit(pd.concat([some, some]), weights=np.ones(60), space=SPACE, steps=1)
    assert torch.equal(twice.designs, DiffusionPrior.fit(some, space=SPACE, steps=1).designs)
    assert twice.weights.tolist() == [1.0] * 30


def changed(**values: object) -> pd.DataFrame:
    return experiments().head(20).astype(object).assign(**{k: [v, *experiments()[k][1:20]] for k, v in values.items()})


@pytest.mark.parametrize(
    ("designs", "space", "match"),
    [
        (changed(solvent="DMSO"), SPACE, r"row 0: solvent = 'DMSO' is not one of \['DMF', 'THF', 'water'\]"),
        (changed(solvent=None), None, "row 0: solvent = nan is not one of"),
        (
            changed(equivalents=1.5),
            SPACE,
            "1 designs are outside the space, one with equivalents = 1.5, .* whole number",
        ),
        (changed(equivalents=4), SPACE, r"one with equivalents = 4, which has to be in \[1, 3\]"),
        (changed(dose="much"), SPACE, "row 0: dose = 'much' is no number"),
        (changed(dose="n.d."), None, "row 0: dose = 'n.d.' is text, and .* in row 1 is a number"),
        (experiments().head(40).assign(dose=[f"{n},5" for n in range(40)]), None, "row 0: dose = '0,5' .* looks like"),
        (
            experiments().head(40).assign(dose=[f"s{n}" for n in range(40)]),
            None,
            "row 0: dose = 's0' is one of 40 diff",
        ),
        (experiments().assign(base="weak"), None, "base has one level, 'weak': leave the column out, or give space="),
        (experiments().iloc[:, :1], Space([gdopt.MoleculeSpace(["CCO"], name="m").parameters[0]]), "m is a Molecule"),
        (np.zeros((5, 6)), NESTED, "ligand counts only at some levels of others"),
        (experiments(), Space(SPACE.parameters, [gdopt.Constraint({"temperature": 1}, 50)]), "cannot keep the constr"),
    ],
)
def test_what_is_no_corpus_of_the_space_is_refused(designs: object, space: Space | None, match: str) -> None:
    with unchecked(), pytest.raises(CorpusError, match=match):
        DiffusionPrior.fit(designs, space=space, steps=1)


def test_units_of_choices_are_not_compared() -> None:
    with pytest.raises(gdopt.SettingsError, match="commensurate = True: expected False"):
        DiffusionPrior.fit(experiments(), space=SPACE, commensurate=True)


# The law.


def test_draws_of_the_trained_prior_are_those_of_the_mixture() -> None:
    found = trained().sample(2000)
    for name, (share, mean) in SOLVENTS.items():
        own = found[found.solvent == name]
        assert len(own) / 2000 == pytest.approx(share, abs=0.06)
        assert own.temperature.mean() == pytest.approx(mean, abs=3)
        assert own.temperature.std() < 2 * SD
        assert (own.base == "medium").mean() == pytest.approx(0.8, abs=0.1)
    assert stats.kstest(np.log10(found.dose), stats.norm(0, 0.3).cdf).statistic < 0.08
    assert "strong" not in set(found.base)
    for one in found.head(50).to_dict("records"):
        SPACE.check(one)


def test_before_training_the_law_is_the_gaussian_of_the_weighted_corpus() -> None:
    weights = np.random.default_rng(1).exponential(size=400)
    found = DiffusionPrior.fit(experiments(), weights=weights, space=SPACE, steps=1)
    z, mass = found.z.numpy(), found.weights.numpy()
    drawn = found.sample_z(4000, torch.Generator().manual_seed(0)).numpy()
    assert drawn.mean(0) == pytest.approx(np.average(z, axis=0, weights=mass), abs=0.1)
    assert np.cov(drawn.T) == pytest.approx(np.cov(z.T, aweights=mass, ddof=0), abs=0.25)


def test_a_number_that_varies_little_in_its_bounds_varies_beside_choices() -> None:
    wide = Space([SPACE.parameters[0], Real("temperature", -1e4, 1e4)])
    found = DiffusionPrior.fit(experiments()[["solvent", "temperature"]], space=wide, steps=1)
    assert isinstance(found.denoiser, PreconditionedNet)
    # Two directions for three levels, and the temperature's.
    assert found.denoiser.basis.shape == (4, 3)


def test_fewer_experiments_than_columns_give_designs_of_the_space() -> None:
    found = DiffusionPrior.fit(experiments().head(5), space=SPACE, steps=5)
    for one in found.sample(30).to_dict("records"):
        SPACE.check(one)


def test_draws_of_whole_and_logarithmic_numbers_alone_are_an_array() -> None:
    space = Space(SPACE.parameters[3:])
    found = DiffusionPrior.fit(experiments()[["equivalents", "dose"]].to_numpy(), space=space, steps=1).sample(40)
    assert isinstance(found, np.ndarray)
    assert set(found[:, 0]) == {1, 2, 3}


# Files.


def test_a_saved_prior_draws_the_same(tmp_path: Path) -> None:
    trained().save(tmp_path / "mixed")
    again = DiffusionPrior.load(tmp_path / "mixed")
    assert again.space == SPACE
    assert torch.equal(again.designs, trained().designs)
    pd.testing.assert_frame_equal(again.sample(20, seed=3), trained().sample(20, seed=3))


# Studies.


def told(study: gdopt.Study, rounds: int, n: int, **settings: object) -> list[gdopt.trials.trial.Trial]:
    """Trials of some rounds, of which warm water is best."""
    before = len(study.trials)
    for _ in range(rounds):
        trials = study.ask(n, **settings)
        study.tell({t.id: (t.params["solvent"] == "water") - abs(t.params["temperature"] - 85) / 20 for t in trials})
    return list(study.trials[before:])


@pytest.mark.parametrize("settings", [{}, {"share_guided": 0.2, "share_refitted": 0.2}, {"finetune": 3}])
def test_a_study_with_the_prior_stays_in_the_space_and_finds_what_is_rare(settings: dict) -> None:
    algorithm = with_settings(GuidedDiffusion(prior=trained(), candidates=100), settings)
    asked = told(gdopt.Study(SPACE, direction="maximize", algorithm=algorithm), 5, 6)
    for trial in asked:
        SPACE.check(trial.params)
    first, last = asked[:6], asked[-6:]
    rows = {tuple(one.values()) for one in experiments().to_dict("records")}
    assert {tuple(t.params.values()) for t in first} <= rows
    assert max(t.value for t in last) > max(t.value for t in first)
    assert sum(t.params["solvent"] == "water" for t in last) > sum(t.params["solvent"] == "water" for t in first)


def test_what_is_fixed_stays_and_numbers_follow_it() -> None:
    algorithm = GuidedDiffusion(prior=trained(), candidates=100)
    study = gdopt.Study(SPACE, direction="maximize", algorithm=algorithm)
    told(study, 2, 6)
    asked = told(study, 2, 6, fixed={"solvent": "THF", "equivalents": 2})
    assert {(t.params["solvent"], t.params["equivalents"]) for t in asked} == {("THF", 2)}
    assert "start" not in {t.source for t in asked}


def test_a_study_goes_on_from_its_file(tmp_path: Path) -> None:
    def study(storage: Path | None) -> gdopt.Study:
        algorithm = GuidedDiffusion(prior=untrained(), candidates=64, n_initial=4)
        return gdopt.Study(SPACE, direction="maximize", algorithm=algorithm, storage=storage)

    straight, kept = study(None), study(tmp_path / "lab.gdopt")
    expected = [dict(t.params) for t in told(straight, 2, 4)]
    found = told(kept, 1, 4) + told(gdopt.Study.load(tmp_path / "lab.gdopt"), 1, 4)
    assert [dict(t.params) for t in found] == expected


def test_levels_are_as_frequent_as_in_the_corpus_and_none_is_impossible() -> None:
    codec = codec_of(SPACE, untrained(), {"solvent": "DMF"})
    assert isinstance(codec, BoxCodec)
    base, equivalents = frequencies(untrained().z, untrained().weights, codec.blocks)
    counts = experiments().base.value_counts()
    assert base.tolist() == pytest.approx([(counts["weak"] + 1) / 403, (counts["medium"] + 1) / 403, 1 / 403])
    assert float(equivalents.sum()) == pytest.approx(1)


def test_baselines_start_with_the_corpus_and_have_no_directions() -> None:
    study = gdopt.Study(SPACE, direction="maximize", algorithm=baseline("corpus-steps-thompson", untrained()))
    for trial in told(study, 3, 6):
        SPACE.check(trial.params)
    for name in ("corpus-steps-thompson-pca", "sobol-pca", "turbo-pca"):
        with pytest.raises(SpaceError, match="principal directions only if all parameters are linear"):
            gdopt.Study(SPACE, direction="maximize", algorithm=baseline(name, untrained()))


def test_other_libraries_take_no_such_prior() -> None:
    for_numbers = DiffusionPrior.fit(experiments()[["equivalents", "dose"]], space=Space(SPACE.parameters[3:]), steps=1)
    for one in (untrained(), for_numbers):
        with pytest.raises(SpaceError, match="works in studies of gdopt only"):
            prior_space(GuidedDiffusion(prior=one))
    with pytest.raises(SpaceError, match=r"\['solvent', 'base'\] are no numbers"):
        prior_candidates(untrained(), 3)
    found = prior_candidates(for_numbers, 50)
    assert set(found[:, 0].tolist()) == {1, 2, 3}


# The check.


def test_a_trained_prior_is_fit_for_its_corpus(tmp_path: Path) -> None:
    found = trained().check()
    assert found.fit, found
    # Three levels have two directions, a corpus with one base of two a single one.
    assert found.directions == 2 + 1 + 1 + 1 + 1
    assert {one.name for one in found.compared} == set(SPACE.names)
    found.plot(tmp_path / "check.png")
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")


def test_a_prior_that_knows_nothing_of_the_dependence_is_not_fit() -> None:
    found = untrained().check()
    assert any("of the draws are near no design: train with more steps" in one for one in found.faults)


def test_copies_are_found_by_the_numbers() -> None:
    def at(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return z[torch.cdist(x, z).argmin(1)]

    z = untrained().z
    found = replace(untrained(), denoiser=at).check()
    assert found.copies.samples > 0.9 > found.copies.corpus
    assert any("copies of designs: train with fewer steps" in one for one in found.faults)


def test_levels_part_no_corpus_but_numbers_beside_them_do() -> None:
    rng = np.random.default_rng(0)
    cold = experiments()[["solvent", "temperature"]]
    apart = cold.assign(temperature=np.where(rng.random(400) < 0.5, 5, 95) + rng.normal(0, 0.5, 400))
    space = Space(SPACE.parameters[:2])
    of_one, of_two = (DiffusionPrior.fit(one, space=space, steps=1).check() for one in (cold, apart))
    assert not any("groups" in one for one in of_one.faults)
    assert any("designs with solvent = DMF fall into 2 groups" in one for one in of_two.faults)


def test_a_corpus_of_choices_alone_is_checked_by_its_levels() -> None:
    choices = experiments()[["solvent", "base"]]
    levels = pd.DataFrame([(a, b, c) for a in "pqrst" for b in "uvwxy" for c in "kl"], columns=["f", "g", "h"])
    found = DiffusionPrior.fit(levels, steps=1).check()
    assert found.copies.samples == found.copies.corpus == found.at_bounds.samples == 0
    assert [one.name for one in found.compared] == ["f", "g", "h"]
    with pytest.raises(CorpusError, match="a check needs 10 designs or more, got 6"):
        DiffusionPrior.fit(choices, steps=1).check()
