"""Campaigns: what is written is read back, what is wrong is said by table and key, and studies are made of them."""

import tomllib
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gdopt
from gdopt.algorithms.user_functions import FunctionReference
from gdopt.lab.campaign import Campaign
from gdopt.lab.campaign_builder import start_study
from gdopt.lab.campaign_reader import checked, read_campaign
from gdopt.lab.campaign_template import EXAMPLE, campaign_text
from gdopt.priors import corpus_file
from tests.strategies import dna, prior

GOOD = """
name = "suzuki"
direction = "maximize"
objective = "yield"
algorithm = "random"
[[parameters]]
name = "t"
kind = "real"
low = 20
high = 120
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "campaign.toml"


def read(file: Path, text: str) -> Campaign:
    file.write_text(text)
    return read_campaign(file)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
numbers = st.floats(-1e300, 1e300)


PRIORS = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"corpus": st.fixed_dictionaries({"file": names}, optional={"outcome": names})}),
    st.fixed_dictionaries({"prior": st.fixed_dictionaries({"file": names})}),
    st.fixed_dictionaries(
        {"expert": st.dictionaries(names, st.sampled_from([{"mean": 0.5, "std": 1.0}, {"low": -1.0, "high": 2}]))}
    ),
)


@st.composite
def entries(draw: st.DrawFn, name: str) -> dict[str, object]:
    kind = draw(st.sampled_from(["real", "integer", "choice"]))
    if kind == "choice":
        return {"name": name, "kind": kind, "categories": draw(st.lists(names, min_size=2, max_size=4, unique=True))}
    low = draw(st.integers(-1000, 1000))
    high = low + draw(st.integers(1, 1000))
    more = {"log_scale": True} if kind == "real" and low > 0 and draw(st.booleans()) else {}
    shift = draw(st.floats(0, 0.5)) if kind == "real" else 0
    return {"name": name, "kind": kind, "low": low + shift, "high": high + shift, "unit": draw(names), **more}


def conditions(parents: list[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    """Nothing, or a level of one parameter as the condition of another."""
    levels = {
        str(p["name"]): p["categories"] if p["kind"] == "choice" else [p["low"]] for p in parents if p["kind"] != "real"
    }
    some = [{name: one} for name, of in levels.items() for one in (of[0], of)]
    return st.sampled_from([{}, *({"active_if": one} for one in some)])


@st.composite
def campaigns(draw: st.DrawFn) -> dict[str, object]:
    parameters: list[dict[str, object]] = []
    for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        parameters.append({**draw(entries(name)), **draw(conditions(parameters))})
    varied = [one["name"] for one in parameters if one["kind"] != "choice" and "active_if" not in one]
    bounds = st.fixed_dictionaries(
        {"coefficients": st.dictionaries(st.sampled_from(varied or ["x"]), numbers, min_size=1), "upper": numbers}
    )
    return {
        "name": draw(st.from_regex(r"[a-z][a-z0-9_.\-]{0,8}", fullmatch=True)),
        "direction": draw(st.sampled_from(["maximize", "minimize"])),
        "objective": draw(names),
        "outcome_constraints": draw(st.lists(st.just("impurity <= 2"), max_size=1)),
        "tracking_metrics": draw(st.lists(names, max_size=2)),
        "batch": draw(st.integers(1, 99)),
        "seed": draw(st.integers(0, 2**62)),
        "parameters": parameters,
        "constraints": draw(st.lists(bounds, max_size=2)) if varied else [],
        "settings": draw(st.dictionaries(names, st.one_of(numbers, st.booleans(), names), max_size=2)),
        **draw(PRIORS),
    }


@settings(max_examples=50)
@given(campaigns())
def test_what_is_written_is_read_back(raw: dict[str, object]) -> None:
    made = checked(raw, "it")
    assert checked(tomllib.loads(campaign_text(made)), "the file") == made


def test_the_example_is_read_back_and_makes_its_study(file: Path) -> None:
    assert read(file, campaign_text(EXAMPLE)) == EXAMPLE
    study = start_study(EXAMPLE, file.parent)
    assert study.space.names == ("temperature", "loading", "hours", "base")
    assert (study.direction, study.outcomes, study.batch) == ("maximize", ("yield", "impurity"), 8)


# Keys of version 0.1: where a campaign had them, with the key of today.
OLD_KEYS = [
    ("objective =", "limits = ['impurity <= 2']\nobjective =", "key limits", "outcome_constraints"),
    ("objective =", "tracked = ['colour']\nobjective =", "key tracked", "tracking_metrics"),
    ("objective =", "reference = { yield = 1 }\nobjective =", "key reference", "reference_point"),
    ("objective =", "allowed = 'rules:mixes'\nobjective =", "key allowed", "design_filter"),
    ("low = 20", "low = 20\nlog = true", r"\[\[parameters\]\] 1 \(t\), key log", "log_scale"),
    ("low = 20", "low = 20\nwhen = { base = 'KOAc' }", r"\[\[parameters\]\] 1 \(t\), key when", "active_if"),
    (
        "high = 120",
        "high = 120\n[[parameters]]\nname = 'base'\nkind = 'choice'\nlevels = ['a', 'b']",
        r"\[\[parameters\]\] 2 \(base\), key levels",
        "categories",
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "today"), OLD_KEYS)
def test_a_key_of_version_0_1_is_an_error_with_the_new_key(
    file: Path, old: str, new: str, key: str, today: str
) -> None:
    with pytest.raises(gdopt.SettingsError, match=f"{key} was renamed to {today} in version 0.2"):
        read(file, GOOD.replace(old, new))


def test_a_setting_of_version_0_1_is_an_error_with_the_new_setting(file: Path) -> None:
    made = read(file, GOOD.replace('algorithm = "random"', "") + "[settings]\nstart = 5\n")
    with pytest.raises(gdopt.SettingsError, match=r"\[settings\]: .*start= was renamed to n_initial="):
        start_study(made, file.parent)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("low = 20", 'low = "20"', r"\[\[parameters\]\] 1 \(t\), key low: got '20'; input should be a valid number"),
        ("low = 20\n", "", r"\[\[parameters\]\] 1 \(t\), key low is missing"),
        ("low = 20", "low = 200", r"\[\[parameters\]\] 1 \(t\): t: low must be below high"),
        ("low = 20", "low = 20\nhihg = 3", r"\[\[parameters\]\] 1 \(t\), key hihg is unknown; it was given 3"),
        ('kind = "real"', 'kind = "reel"', r"\[\[parameters\]\] 1 \(t\): got .*'real', 'integer', 'choice'"),
        ('"maximize"', '"up"', "key direction: got 'up'; input should be 'maximize' or 'minimize'"),
        ('"suzuki"', '"../suzuki"', "key name: got '../suzuki'; string should match pattern"),
        ('objective = "yield"\n', "", "key objective is missing"),
        (
            "objective",
            "outcome_constraints = ['impurity < 2']\nobjective",
            "key outcome_constraints, entry 1: limit 'impurity < 2': expected",
        ),
        (
            "objective",
            "outcome_constraints = [2]\nobjective",
            "key outcome_constraints, entry 1: got 2; input should be a valid string",
        ),
        (
            "high = 120",
            "high = 120\n[corpus]\nsteps = 0",
            r"\n  \[corpus\], key file is missing\n  \[corpus\], key steps",
        ),
        ("high = 120", "high = 120\n[[constraints]]\ncoefficients = {u=1}\nupper = 1", r"names \['u'\]"),
        (
            "high = 120",
            "high = 120\nactive_if = {u = 1}",
            r"\[\[parameters\]\] and \[\[constraints\]\]: t: active_if names 'u', which",
        ),
        (
            "high = 120",
            "high = 120\nactive_if = {u = []}",
            r"\[\[parameters\]\] 1 \(t\): t: active_if u = \[\]: expected a string",
        ),
        ("name =", "name", "is not TOML: .* line 2"),
    ],
)
def test_what_is_wrong_is_said_by_file_table_and_key(file: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=message) as caught:
        read(file, GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(str(file))


def test_no_parameters_and_no_corpus_is_refused() -> None:
    raw = {"name": "a", "direction": "maximize", "objective": "y"}
    with pytest.raises(gdopt.SettingsError, match=r"\[\[parameters\]\]: there are none"):
        checked(raw, "it")


def test_a_file_that_is_missing_is_said(file: Path) -> None:
    with pytest.raises(gdopt.StoreError, match=r"cannot read .*campaign.toml: No such file"):
        read_campaign(file)


@pytest.mark.parametrize("depth", [50, 300, 3000])
@pytest.mark.parametrize("key", ["name", "settings"])
def test_a_file_that_is_nested_deeply_is_refused(file: Path, key: str, depth: int) -> None:
    with pytest.raises(gdopt.SettingsError, match=r"nested too deeply|got \[\[|is missing"):
        read(file, f"{key} = {'[' * depth}{']' * depth}")


def test_settings_reach_the_algorithm(file: Path) -> None:
    made = read(file, GOOD.replace('"random"', '"guided"') + "[settings]\ncandidates = 64\n")
    assert start_study(made, file.parent).algorithm == gdopt.GuidedDiffusion(candidates=64)


@pytest.mark.parametrize(
    ("algorithm", "settings", "message"),
    [
        ("guided", "kandidates = 1", r"\[settings\], keys \['kandidates'\]: GuidedDiffusion has no such settings"),
        ("guided", "candidates = 1", r"\[settings\]: candidates = 1: expected 2 or more"),
        ("quantum", "", "baseline 'quantum' is unknown"),
    ],
)
def test_unknown_algorithms_and_settings_are_refused(file: Path, algorithm: str, settings: str, message: str) -> None:
    made = read(file, GOOD.replace("random", algorithm) + f"[settings]\n{settings}\n")
    with pytest.raises(gdopt.SettingsError, match=message):
        start_study(made, file.parent)


def corpus_of(folder: Path, header: str = "b,a", rows: int = 40) -> np.ndarray:
    designs = np.random.default_rng(0).normal(size=(rows, 2))
    np.savetxt(folder / "designs.csv", designs, delimiter=",", header=header, comments="")
    return designs


BARE = {"name": "a", "direction": "maximize", "objective": "y", "corpus": {"file": "designs.csv", "steps": 5}}


def test_a_corpus_gives_the_space_and_a_prior(tmp_path: Path) -> None:
    designs = corpus_of(tmp_path)
    steps = []
    made = checked(BARE, "it")
    study = start_study(made, tmp_path, fit=lambda step, total, loss: steps.append((step, total)))
    assert study.space.names == ("b", "a")
    assert len(study.algorithm.prior.designs) == len(designs)
    assert steps[-1] == (5, 5)


def test_a_corpus_in_another_order_of_columns_fits_the_parameters(tmp_path: Path) -> None:
    designs = corpus_of(tmp_path)
    parameters = [{"name": name, "kind": "real", "low": -9.0, "high": 9.0} for name in "ab"]
    study = start_study(checked({**BARE, "parameters": parameters}, "it"), tmp_path)
    np.testing.assert_allclose(study.algorithm.prior.designs.mean(0), designs.mean(0)[::-1])


def test_a_corpus_that_cannot_be_used_is_said_by_row(tmp_path: Path) -> None:
    (tmp_path / "designs.csv").write_text("a,b\n1,2\n\n1,x\n")
    with pytest.raises(
        gdopt.CorpusError, match=r"designs.csv was taken: row 4, column b: 'x' is not a number, as 2 is"
    ):
        start_study(checked(BARE, "it"), tmp_path)


def test_a_column_of_weights_or_outcomes_says_how_much_a_design_counts(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    np.savetxt(tmp_path / "designs.csv", rows, delimiter=",", header="a,y,b", comments="")

    def weights(**told: object) -> np.ndarray:
        study = start_study(checked({**BARE, **told}, "it"), tmp_path)
        assert study.space.names == ("a", "b")
        prior = study.algorithm.prior
        return prior.weights.numpy()[np.argsort(np.argsort(rows[:, 0]))]

    outcome = {"corpus": {**BARE["corpus"], "outcome": "y"}}
    np.testing.assert_allclose(weights(**outcome), gdopt.outcome_weights(rows[:, 1]))
    fewer = weights(**outcome, direction="minimize")
    np.testing.assert_allclose(fewer, gdopt.outcome_weights(-rows[:, 1]))
    rows[:, 1] = np.abs(rows[:, 1])
    np.savetxt(tmp_path / "designs.csv", rows, delimiter=",", header="a,y,b", comments="")
    np.testing.assert_allclose(
        weights(corpus={**BARE["corpus"], "weights": "y"}), rows[:, 1] / rows[:, 1].mean(), rtol=1e-6
    )


def test_an_empty_outcome_is_an_unknown_one(tmp_path: Path) -> None:
    (tmp_path / "designs.csv").write_text("a,y\n" + "\n".join(f"{n},{n if n < 8 else ''}" for n in range(10)))
    found = corpus_file.read(tmp_path / "designs.csv", outcome="y")
    np.testing.assert_allclose(found.weights, gdopt.outcome_weights([*range(8), np.nan, np.nan]))


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({"weights": "w"}, r"designs.csv has no columns \['w'\]; there are \['b', 'a'\]"),
        ({"outcome": "y"}, r"has no columns \['y'\]"),
        ({"weights": "a", "outcome": "b"}, "weights = 'a' and outcome = 'b': expected one of them"),
        ({"weights": "a"}, "weights must be finite and not negative"),
    ],
)
def test_columns_beside_the_designs_that_cannot_be_used_are_refused(tmp_path: Path, told: dict, match: str) -> None:
    corpus_of(tmp_path)
    with pytest.raises(gdopt.GdoptError, match=match):
        start_study(checked({**BARE, "corpus": {**BARE["corpus"], **told}}, "it"), tmp_path)


WITHOUT = {"name": "a", "direction": "maximize", "objective": "y"}


def test_a_prior_that_was_fitted_before_is_used(tmp_path: Path) -> None:
    prior().save(tmp_path / "ours.safetensors")
    study = start_study(checked({**WITHOUT, "prior": {"file": "ours.safetensors"}}, "it"), tmp_path)
    assert study.space == prior().space
    assert torch.equal(study.algorithm.prior.designs, prior().designs)
    named = {**WITHOUT, "prior": {"file": "ours.safetensors"}, "algorithm": "random"}
    assert start_study(checked(named, "it"), tmp_path).ask(3)[0].source == "start"


def test_a_prior_of_strings_that_was_fitted_before_is_used(tmp_path: Path) -> None:
    dna().save(tmp_path / "dna.safetensors")
    raw = {**WITHOUT, "prior": {"file": "dna.safetensors"}}
    assert start_study(checked(raw, "it"), tmp_path).algorithm.prior.corpus == dna().corpus
    with pytest.raises(gdopt.SettingsError, match="random takes no prior of strings"):
        start_study(checked({**raw, "algorithm": "random"}, "it"), tmp_path)


REAL = [{"name": name, "kind": "real", "low": 0.0, "high": 9.0} for name in "ab"]


def test_an_expert_says_where_to_begin(tmp_path: Path) -> None:
    raw = {**WITHOUT, "parameters": REAL, "expert": {"a": {"mean": 3.0, "std": 0.5}, "b": {"low": 1, "high": 2}}}
    study = start_study(checked(raw, "it"), tmp_path)
    first = [t.params for t in study.ask(8)]
    assert all(1 <= one["b"] <= 2 and 0.5 < one["a"] < 5.5 for one in first)


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({"expert": {"a": {"mean": 3}}}, r"\[expert\], key a: expected mean and std, or low and high, got \['mean'\]"),
        ({"expert": {"a": {"mean": 3, "std": 0}}}, r"\[expert\], key a: Normal\(mean=3.0, std=0.0\): expected finite"),
        ({"expert": {"a": {"middle": 3}}}, r"\[expert\], key a, key middle is unknown"),
        (
            {"expert": {"a": {"low": 1, "high": 2}}, "prior": {"file": "p"}},
            r"\[prior\] and \[expert\]: expected one of them",
        ),
        ({"parameters": [], "expert": {"a": {"low": 1, "high": 2}}}, "there are none"),
    ],
)
def test_priors_that_make_no_sense_are_refused_by_table_and_key(told: dict, match: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=match):
        checked({**WITHOUT, "parameters": REAL, **told}, "it")


def test_a_belief_of_no_parameter_is_refused(tmp_path: Path) -> None:
    raw = {**WITHOUT, "parameters": REAL, "expert": {"c": {"low": 1, "high": 2}}}
    with pytest.raises(gdopt.SettingsError, match=r"beliefs of \['c'\]: the parameters are \['a', 'b'\]"):
        start_study(checked(raw, "it"), tmp_path)


def test_sequences_and_molecules_are_found_by_a_masked_prior(tmp_path: Path) -> None:
    (tmp_path / "designs.csv").write_text("\n".join(["ACGT", "ACGA", "AAGT", "CCGT", "GCGT", "TCGA"]))
    dna = {"name": "dna", "kind": "sequence", "alphabet": "ACGT", "shortest": 4, "longest": 4}
    study = start_study(checked({**BARE, "parameters": [dna]}, "it"), tmp_path)
    assert study.algorithm.prior.corpus[0] == "ACGT"
    weighted = {**BARE, "parameters": [dna], "corpus": {**BARE["corpus"], "weights": "w"}}
    with pytest.raises(gdopt.SettingsError, match="weights and outcome are of designs in numbers, not of strings"):
        start_study(checked(weighted, "it"), tmp_path)
    (tmp_path / "designs.csv").write_text("smiles\n" + "\n".join("C" * n + "O" for n in range(1, 9)))
    molecule = {"name": "m", "kind": "molecule"}
    study = start_study(checked({**BARE, "parameters": [molecule]}, "it"), tmp_path)
    assert study.ask(2)[0].params["m"] in study.algorithm.prior.corpus


def test_proteins_of_wrapped_fasta_are_whole(tmp_path: Path) -> None:
    proteins = [letter * 150 for letter in "ACD"]
    lines = [f">{one[0]}\n{one[:60]}\n{one[60:120]}\n{one[120:]}\n" for one in proteins]
    (tmp_path / "designs.csv").write_text("".join(lines))
    protein = {"name": "p", "kind": "sequence", "alphabet": "ACDE", "shortest": 1, "longest": 200}
    raw = {**BARE, "parameters": [protein], "algorithm": "random"}
    study = start_study(checked(raw, "it"), tmp_path)
    assert {t.params["p"] for t in study.ask(3)} == set(proteins)


def test_a_molecule_without_a_corpus_is_refused(tmp_path: Path) -> None:
    raw = {k: v for k, v in BARE.items() if k != "corpus"} | {"parameters": [{"name": "m", "kind": "molecule"}]}
    with pytest.raises(gdopt.SettingsError, match=r"give a \[corpus\] of SMILES"):
        start_study(checked(raw, "it"), tmp_path)


# Tables of candidates.

OF_TABLE = """
name = "amines"
direction = "maximize"
objective = "yield"
[table]
file = "catalogue.csv"
id = "compound"
"""
CATALOGUE = """compound,mass,logp,salt,note
007,10.5,1.5,Na,a
NA,12.0,0.5,K,b
X9,17.25,1.0,Na,c
"""


def test_a_table_of_candidates_makes_a_study_of_its_rows(file: Path) -> None:
    file.with_name("catalogue.csv").write_text(CATALOGUE)
    made = read(file, OF_TABLE)
    assert checked(tomllib.loads(campaign_text(made)), "the file") == made
    study = start_study(made, file.parent)
    assert {t.params["compound"] for t in study.ask(3)} == {"007", "NA", "X9"}
    assert study.space.annotations({"compound": "X9"}) == {"mass": 17.25, "logp": 1.0, "salt": "Na", "note": "c"}


def test_a_table_may_have_semicolons_and_decimal_commas(file: Path) -> None:
    european = CATALOGUE.replace(",", ";").replace(".", ",")
    spaces = []
    for text in (CATALOGUE, european):
        file.with_name("catalogue.csv").write_text(text)
        spaces.append(start_study(read(file, OF_TABLE), file.parent).space)
    assert spaces[0] == spaces[1]


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ('"compound"', '"compund"', gdopt.SpaceError, r"no columns \['compund'\]"),
        ('"catalogue.csv"', '"catalog.csv"', gdopt.CorpusError, r"cannot read the corpus .*catalog\.csv"),
        (
            "[table]",
            '[[parameters]]\nname = "t"\nkind = "real"\nlow = 0\nhigh = 1\n[table]',
            gdopt.SettingsError,
            "one of",
        ),
        ("[table]", '[prior]\nfile = "p"\n[table]', gdopt.SettingsError, r"\[table\] and \[prior\]: expected one"),
        ('id = "compound"', "", gdopt.SettingsError, r"\[table\], key id is missing"),
        ("[table]", 'algorithm = "cma"\n[table]', gdopt.SpaceError, "CMAES does not choose among the rows"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(
    file: Path, old: str, new: str, error: type[Exception], message: str
) -> None:
    file.with_name("catalogue.csv").write_text(CATALOGUE)
    # Keys of the campaign have to stand before its tables.
    text = OF_TABLE.replace(old, new)
    with pytest.raises(error, match=message):
        start_study(read(file, text), file.parent)


ALLOWED = 'design_filter = "rules:mixes"' + GOOD.replace('algorithm = "random"\n', "")


def test_the_function_that_says_what_is_allowed_is_kept_by_its_name(file: Path) -> None:
    made = read(file, ALLOWED)
    assert read(file, campaign_text(made)) == made
    assert start_study(made, file.parent).algorithm == gdopt.GuidedDiffusion(
        design_filter=FunctionReference("rules:mixes")
    )


def test_a_name_of_no_function_is_refused_by_its_key(file: Path) -> None:
    with pytest.raises(gdopt.SettingsError, match=r"key design_filter: 'rules\.mixes': expected module:function"):
        read(file, ALLOWED.replace(":mixes", ".mixes"))


def test_a_function_among_the_settings_is_refused(file: Path) -> None:
    made = read(
        file, ALLOWED.replace('design_filter = "rules:mixes"', "") + '[settings]\ndesign_filter = "rules:mixes"\n'
    )
    with pytest.raises(gdopt.SettingsError, match=r"\[settings\], keys \['design_filter'\]"):
        start_study(made, file.parent)
