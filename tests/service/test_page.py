"""The page in a real browser: people ask, enter results, mark failures and read the new best."""

import re
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest

import gdopt
from gdopt.spreadsheet import parsed
from tests.service.serving import TOKEN, random_study, served
from tests.strategies import NESTED, TABLE

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
expect = sync_api.expect

# Milliseconds that the page may take; it looks for news every two seconds.
PATIENCE = 8000


@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Opens the page of a service; the test fails if the page says an error or asks anyone else."""

    @contextmanager
    def open_page(url, fragment=f"#token={TOKEN}", **settings):
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, **settings)
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page = context.new_page()
        wrong, elsewhere = [], []
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith((url, "blob:")) else elsewhere.append(request.url)
        )
        page.goto(f"{url}/{fragment}")
        yield page
        context.close()
        # A status that is refused is written to the console by the browser itself.
        assert [text for text in wrong if "Failed to load resource" not in text] == []
        assert elsewhere == []

    return open_page


@pytest.fixture
def study(tmp_path):
    return random_study(objective="yield", storage=tmp_path / "study.db")


def test_people_ask_enter_results_mark_failures_and_read_the_new_best(opened, study):
    with served(study, name="coupling") as url, opened(url) as page:
        page.get_by_role("textbox", name="Trials").fill("3")
        page.get_by_label("Who tries them").fill("ann")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#ask-said")).to_have_text("3 trials are new: 0, 1, 2")
        page.get_by_role("button", name="Result: trial 0").click()
        page.get_by_role("textbox", name="yield", exact=True).fill("83.5")
        page.get_by_label("± standard error of yield").fill("0.5")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#best")).to_have_text("83.5 in trial 0")
        page.get_by_role("button", name="Failed: trial 1").click()
        page.get_by_label("Reason").fill("the vial broke")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("row").filter(has_text="the vial broke")).to_contain_text("failed")
        page.get_by_role("button", name="Result: trial 2").click()
        page.get_by_role("textbox", name="yield", exact=True).fill("91")
        page.keyboard.press("Enter")
        expect(page.locator("#best")).to_have_text("91 in trial 2")
        expect(page.locator("#counts")).to_have_text("0 pending, 2 done, 1 failed, 0 abandoned")
        assert page.url == f"{url}/"
    assert [(t.value, t.worker, t.reason) for t in study.trials] == [
        (83.5, "ann", ""),
        (None, "ann", "the vial broke"),
        (91.0, "ann", ""),
    ]
    assert study.trials[0].result.sem == 0.5


def test_the_keyboard_is_enough(opened, study):
    with served(study) as url, opened(url, fragment="") as page:
        keyboard = page.keyboard

        def tab_to(name):
            for _ in range(60):
                keyboard.press("Tab")
                focused = page.evaluate("[document.activeElement.ariaLabel, document.activeElement.textContent]")
                if name in focused:
                    return
            raise AssertionError(f"no way to {name!r}")

        expect(page.get_by_label("Token")).to_be_focused()
        keyboard.type(TOKEN)
        keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Trials", exact=True)).to_be_visible()
        tab_to("Ask")
        keyboard.press("Enter")
        expect(page.locator("#ask-said")).to_contain_text("Trial 0 is new")
        expect(page.get_by_role("button", name="Ask")).to_be_focused()
        keyboard.press("Space")
        expect(page.locator("#ask-said")).to_contain_text("Trial 1 is new")
        tab_to("Result: trial 1")
        keyboard.press("Enter")
        expect(page.get_by_role("textbox", name="yield", exact=True)).to_be_focused()
        keyboard.press("Escape")
        expect(page.get_by_role("button", name="Result: trial 1")).to_be_focused()
        keyboard.press("Enter")
        keyboard.type("-2.5e-1")
        keyboard.press("Enter")
        expect(page.locator("#best")).to_have_text("-0.25 in trial 1")
        expect(page.get_by_role("button", name="Result: trial 0")).to_be_focused()
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


# As people type numbers: of a single one nothing says whether its mark separates thousands.
TYPED = [
    "55,5", "55.5", "0,05", "0.05", "-2,5e-1", "+3", "7", "1,", ",5", ".5", "1e3", "1E-3", "12,34", "0,125", "0.125",
    "1,2345", "1234,567", " 4,5 ", "1,234", "1.234", "-1,234", "12.345", "123,456", "1.234,5", "1,234.5",
    "1 234", "1'234", "abc", "--1", "1e", "1e12345", "1e400", "NaN", "Infinity", "0x10", "5%", "1,2,3", "'", 'a"b',
    "\u22123,5", "\u22121,234", "\u2212x",
]  # fmt: skip


def cell(text):
    """What a plate says of a cell that stands alone: its number, or why it has none."""
    alone = replace(parsed(b"yield\n1\n", "the plate", ["yield"]), comma=False, point=False)
    try:
        return alone.finite(text.strip())
    except ValueError as error:
        return str(error)


def test_a_number_is_read_as_a_plate_reads_a_cell_that_stands_alone(opened, study):
    script = """async (texts) => {
        const { number } = await import("/page/number.js");
        return texts.map((text) => { try { return number(text); } catch (error) { return error.message; } });
    }"""
    with served(study) as url, opened(url) as page:
        found = page.evaluate(script, TYPED)
    assert found == [cell(text) for text in TYPED]
    assert dict(zip(TYPED, found, strict=True))["55,5"] == 55.5


def test_decimal_commas_are_kept_in_every_field(opened, tmp_path):
    study = random_study(objective="yield", outcome_constraints=["impurity <= 2"], storage=tmp_path / "study.db")
    study.ask(1)
    with served(study) as url, opened(url) as page:
        page.get_by_role("button", name="Result: trial 0").click()
        page.get_by_role("textbox", name="yield", exact=True).fill("55,5")
        page.get_by_label("± standard error of yield").fill("0,05")
        page.get_by_role("textbox", name="impurity", exact=True).fill("1,5")
        page.get_by_text("Something else was tried").click()
        page.get_by_role("textbox", name="heat [degC]", exact=True).fill("80,25")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#table-said")).to_have_text(
            "The result of trial 0 is saved: yield 55.5 ± 0.05, impurity 1.5."
        )
        page.get_by_role("button", name="Amend: trial 0").click()
        page.get_by_role("textbox", name="yield", exact=True).fill("0,5")
        page.get_by_label("Why it is corrected").fill("decimal mark")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#best")).to_have_text("0.5 in trial 0")
    assert study.history(0)[1].data["0"]["value"] == 55.5
    (trial,) = study.trials
    assert (trial.result.sem, trial.outcomes["impurity"][0], trial.params["heat"]) == (0.05, 1.5, 80.25)
    assert trial.proposed["heat"] != 80.25


@pytest.mark.parametrize("text", ["1,234", "1.234", "1.234,5", "x"])
def test_a_number_that_may_be_two_is_refused_in_the_words_of_a_plate(opened, study, text):
    study.ask(1)
    with served(study) as url, opened(url) as page:
        page.get_by_role("button", name="Result: trial 0").click()
        page.get_by_role("textbox", name="yield", exact=True).fill(text)
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#result-error")).to_have_text(f"yield: {cell(text)}")
    assert study.trials[0].value is None


def test_a_value_that_is_left_as_it_is_needs_no_more_digits(opened, study):
    study.ask(1)
    study.tell(0, 1.234)
    with served(study) as url, opened(url) as page:
        page.get_by_role("button", name="Amend: trial 0").click()
        page.get_by_label("± standard error of yield").fill("0,5")
        page.get_by_label("Why it is corrected").fill("error")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#table-said")).to_contain_text("is saved: yield 1.234 ± 0.5")
    assert study.trials[0].result.value == 1.234


def test_a_correction_needs_a_reason_and_says_who_made_it(opened, study):
    study.ask(1)
    study.tell(0, 1.0)
    with served(study) as url, opened(url) as page:
        page.get_by_label("Who tries them").fill("ann")
        page.get_by_role("button", name="Amend: trial 0").click()
        page.get_by_label("It failed").check()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#result-error")).to_have_text("Why it is corrected: enter a reason")
        page.get_by_label("Why it is corrected").fill("vial broke")
        page.get_by_label("Who enters this").locator("visible=true").fill("bob")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#table-said")).to_have_text("The result of trial 0 is saved: failed.")
    last = study.history(0)[-1]
    assert (last.data, last.worker, study.trials[0].status) == ({"id": 0, "reason": "vial broke"}, "bob", "failed")


def test_the_history_of_a_trial_is_behind_its_number(opened, tmp_path):
    study = random_study(objective="yield", outcome_constraints=["impurity <= 2"], storage=tmp_path / "study.db")
    study.ask(1, worker="ann")
    study.tell(0, {"yield": (83.5, 0.5), "impurity": 1.2}, worker="ann")
    study.amend(0, None, reason="of another vial", worker="bob")
    with served(study) as url, opened(url) as page:
        page.get_by_role("button", name="History: trial 0").click()
        expect(page.get_by_role("dialog")).to_contain_text("History of trial 0")
        events = [text.splitlines()[0].strip() for text in page.locator("#history-events li").all_inner_texts()]
        assert events == ["asked", "told yield 83.5 ± 0.5, impurity 1.2", "amended to failed: of another vial"]
        expect(page.locator("#history-events small").last).to_contain_text(", bob")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="History: trial 0")).to_be_focused()


def test_as_many_are_asked_for_as_the_batch_of_the_study_has(opened):
    study = random_study(batch=4)
    with served(study) as url, opened(url) as page:
        expect(page.get_by_role("textbox", name="Trials")).to_have_value("4")
        for text in ("1,5", "0", ""):
            page.get_by_role("textbox", name="Trials").fill(text)
            page.get_by_role("button", name="Ask").click()
            expect(page.locator("#ask-said")).to_have_text(f"Trials: '{text}' is not a whole number above 0")
        page.get_by_role("textbox", name="Trials").fill("4")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#ask-said")).to_have_text("4 trials are new: 0, 1, 2, 3")


def test_a_downloaded_plate_is_told_and_all_its_errors_are_named(opened, study, tmp_path):
    study.ask(40)
    path = tmp_path / "monday.csv"
    with served(study) as url, opened(url) as page:
        with page.expect_download() as download:
            page.get_by_role("button", name="Pending plate (CSV)").click()
        head, *lines = download.value.path().read_text().splitlines()
        path.write_text("\n".join([head, *(line.removesuffix(",,") + ",x," for line in lines)]))
        page.locator("#plate-file").set_input_files(path)
        expect(page.locator("#plate-said")).to_contain_text("row 21, column yield: 'x' is not a number")
        expect(page.locator("#plate-said")).to_contain_text("nothing of monday.csv was taken")
        expect(page.locator("#plate-said")).to_contain_text("and 20 more")
        ends = [',"83,5",', ",failed,burst", *[",,"] * 38]
        path.write_text(
            "\n".join([head, *(line.removesuffix(",,") + end for line, end in zip(lines, ends, strict=True))])
        )
        page.locator("#plate-file").set_input_files(path)
        expect(page.locator("#plate-said")).to_have_text("monday.csv: 1 told, 1 failed, 38 pending; 2 new")
        expect(page.locator("#best")).to_have_text("83.5 in trial 0")
        page.locator("#plate-file").set_input_files(path)
        expect(page.locator("#plate-said")).to_contain_text("nothing of it is new")
    assert [t.reason for t in study.trials[:2]] == ["", "burst"]


def test_the_line_of_the_best_is_of_trials_that_satisfy_the_limits(opened):
    study = random_study(objective="yield", outcome_constraints=["impurity <= 2"])
    study.ask(3)
    study.tell({0: {"yield": 10, "impurity": 1}, 1: {"yield": 90, "impurity": 5}, 2: {"yield": 20, "impurity": 1}})
    with served(study) as url, opened(url) as page:
        expect(page.locator("#best")).to_have_text("20 in trial 2")
        path = page.locator("#progress path.so-far").get_attribute("d")
        heights = [float(one) for one in re.findall(r"(?:M[\d.]+ |V)([\d.]+)", path)]
        points = page.locator("#progress circle.point")
        assert heights == [float(points.nth(i).get_attribute("cy")) for i in range(2)]


def test_constraints_are_shown(opened):
    space = gdopt.Space([gdopt.Real("a", 0, 1), gdopt.Real("b", 0, 1)], [gdopt.Constraint({"a": 1, "b": 1}, equal=1)])
    study = random_study(
        space=space,
        algorithm=gdopt.GuidedDiffusion(design_filter=gdopt.algorithms.user_functions.FunctionReference("rules:mixes")),
    )
    with served(study) as url, opened(url) as page:
        expect(page.locator("#constraints")).to_have_text("constraints: a + b = 1; allowed by rules:mixes")


def test_a_trial_that_was_tried_outside_the_bounds_is_marked(opened):
    study = random_study(space=gdopt.Space([gdopt.Real("heat", 20, 120)]))
    study.add({"heat": 120.4}, 1.0)
    with served(study) as url, opened(url) as page:
        expect(page.locator("#rows tr td").first).to_have_text("done tried outside the bounds")


def test_what_does_not_count_is_a_dash(opened):
    study = random_study(space=NESTED)
    study.add({"metal": "none", "steps": 1, "heat": 50.0}, 1.0)
    with served(study) as url, opened(url) as page:
        row = page.get_by_role("row").filter(has_text="none")
        expect(row).to_be_visible()
        assert row.locator("td.text").all_inner_texts()[-6:] == ["none", "–", "1", "50", "–", "–"]
        # Its line passes the axes that it has no values on.
        assert len(page.locator(".way.best").get_attribute("points").split()) == 4


def test_what_others_do_shows_up_by_itself_and_leaves_the_focus_alone(opened, study, tmp_path):
    study.ask(3)
    with served(study) as url, opened(url) as page:
        page.get_by_role("button", name="Failed: trial 2").focus()
        other = gdopt.Study.load(tmp_path / "study.db")
        other.tell(0, 7.0)
        expect(page.locator("#best")).to_have_text("7 in trial 0")
        expect(page.get_by_role("button", name="Failed: trial 2")).to_be_focused()
        other.ask(1, worker="robot")
        expect(page.get_by_role("row").filter(has_text="robot")).to_contain_text("pending")


def test_what_is_wrong_is_said_in_the_studys_words(opened, study, tmp_path):
    study.ask(1)
    with served(study) as url, opened(url) as page:
        page.get_by_role("button", name="Result: trial 0").click()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#result-error")).to_have_text("yield: enter a number")
        gdopt.Study.load(tmp_path / "study.db").tell(0, 1.0)
        page.get_by_role("textbox", name="yield", exact=True).fill("2")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#result-error")).to_have_text(
            "trial 0 is done with 1.0 already; it was now told 2.0; amend corrects it"
        )
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Amend: trial 0").click()
        page.get_by_role("textbox", name="yield", exact=True).fill("2")
        page.get_by_label("Why it is corrected").fill("read wrongly")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#best")).to_have_text("2 in trial 0")
    assert study.history(0)[-1].data == {"id": 0, "value": 2.0, "reason": "read wrongly"}


def test_a_wrong_token_is_said_and_asked_for_again(opened, study):
    with served(study) as url, opened(url, fragment="#token=wrong") as page:
        expect(page.locator("#login-error")).to_have_text("the token is missing or wrong")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_focused()
        assert page.evaluate("sessionStorage.getItem('gdopt token')") is None


def test_text_of_a_study_stays_text(opened, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    space = gdopt.Space([gdopt.Choice(evil, [evil, "b"]), gdopt.Real("x", 0, 1, unit="<b>")])
    study = gdopt.Study(space, direction="minimize", objective="<i>loss", algorithm=gdopt.RandomSearch())
    study.ask(2, worker=evil)
    study.tell(0, 1.0)
    study.fail(1, reason=evil)
    with served(study, name=evil) as url, opened(url) as page:
        expect(page.get_by_role("row").filter(has_text=evil).first).to_be_visible()
        assert page.locator("img").count() == 0


def test_the_plate_is_saved_as_csv(opened, study):
    study.ask(2)
    with served(study) as url, opened(url) as page:
        with page.expect_download() as download:
            page.get_by_role("button", name="Pending plate (CSV)").click()
        assert download.value.suggested_filename == "plate.csv"
        lines = download.value.path().read_text().splitlines()
    assert lines[0] == "id,heat,dose,base,yield,note"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1"]


def test_a_service_that_comes_back_is_followed_again(opened, study):
    with served(study) as url, opened(url) as page:
        expect(page.locator("#link")).to_contain_text("Live")
        page.context.set_offline(True)
        study.ask(1)
        expect(page.locator("#link")).to_have_text("No connection to the service; trying again.")
        page.context.set_offline(False)
        expect(page.locator("#link")).to_contain_text("Live")
        expect(page.locator("#counts")).to_contain_text("1 pending")


# WCAG 2.2 AA asks for 4.5 between text and what is behind it, 3 for large text.
CONTRAST = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => channels(color).slice(0, 3)
    .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (color.startsWith("rgb(")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && !node.closest("svg"))
    .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
    .map((node) => {
      const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), node.tagName, node.textContent.slice(0, 30)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_roles_and_contrast_are_there_for_everyone(opened, study, scheme):
    study.ask(3)
    study.tell(0, 1.0)
    study.fail(1)
    with served(study) as url, opened(url, color_scheme=scheme) as page:
        expect(page.get_by_role("row").nth(1)).to_be_visible()
        assert page.evaluate(CONTRAST) == []
        unnamed = (
            "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).map((one) => one.id)"
        )
        assert page.evaluate(unnamed) == []
        assert {one.get_attribute("scope") for one in page.locator("thead th").all()} == {"col"}
        assert {one.get_attribute("scope") for one in page.locator("tbody th").all()} == {"row"}
        assert page.locator("#best").get_attribute("aria-live") == "polite"
        expect(page.get_by_role("img", name="yield of 1 trial by their order; the best is 1.")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1400])
def test_the_page_fits_narrow_and_wide_windows(opened, study, width):
    study.ask(5)
    study.tell({0: 1.0, 1: 2.0})
    with served(study) as url, opened(url) as page:
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_role("row").nth(5)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_description_of_the_service_is_a_page_without_the_internet(opened, study):
    with served(study) as url, opened(url) as page:
        page.get_by_role("link", name="API").click()
        expect(page.get_by_role("heading", name="POST /v1/ask")).to_be_visible()
        expect(page.get_by_role("heading", name="PUT /v1/trials/{id}/result")).to_be_visible()


def test_a_row_of_a_table_is_shown_by_its_id(opened):
    study = gdopt.Study(TABLE, direction="maximize", algorithm=gdopt.RandomSearch())
    (trial,) = study.ask(1)
    study.tell(trial.id, 1.5)
    with served(study) as url, opened(url) as page:
        expect(page.locator("#best-params")).to_contain_text(str(trial.params["row"]))
        expect(page.locator("#space")).to_contain_text("These parameters have no axes")


# --- several objectives ---

GOALS = {
    "direction": {"yield": "maximize", "cost": "minimize"},
    "reference_point": {"yield": 0, "cost": 10},
    "outcome_constraints": ["impurity <= 2"],
}
# Dominated, on the front twice, and beyond the limit.
FOUND = [(50, 8, 1), (60, 6, 1), (80, 7, 1), (90, 2, 3)]


def told(study, rows=FOUND):
    for row in rows:
        (trial,) = study.ask(1)
        study.tell(trial.id, dict(zip(study.outcomes, row, strict=True)))
    return study


def test_a_front_is_drawn_with_dominated_and_infeasible_trials(opened):
    study = told(random_study(**GOALS))
    with served(study) as url, opened(url) as page:
        # By hand: 60 x 4 and, beyond that, 20 x 3.
        expect(page.locator("#best")).to_have_text("2 trials hypervolume 300")
        figure = page.locator("#front")
        assert [figure.locator(f"circle.{of}").count() for of in ("front", "point", "broken")] == [2, 1, 1]
        expect(figure).to_contain_text("yield (maximized)")
        expect(figure).to_contain_text("cost (minimized)")
        expect(page.get_by_role("img", name="Hypervolume by trial; it is 300 now.")).to_be_visible()
        heads = [text for text in page.locator("tbody th").all_text_contents() if "front" in text]
        assert heads == ["2 (front)", "1 (front)"]
        expect(page.get_by_role("row").filter(has_text="breaks a limit")).to_have_count(1)


def test_the_hypervolume_is_drawn_as_steps_up_to_each_trial(opened):
    study = told(random_study(**GOALS))
    with served(study) as url, opened(url) as page:
        path = page.locator("#progress path.so-far").get_attribute("d")
        base, *rises = [float(height) for height in re.findall(r"(?:M[\d.]+ |V)([\d.]+)", path)]
        # 100 after the first trial, then 240 and 300; heights are from the top.
        assert (base - rises[1]) / (base - rises[0]) == pytest.approx(200 / 140)


def test_an_objective_that_comes_later_is_entered_without_a_correction(opened):
    study = random_study(**GOALS)
    study.ask(1)
    study.tell(0, {"yield": 80.0, "impurity": 1.0})
    with served(study) as url, opened(url) as page:
        expect(page.locator("#best")).to_have_text("none yet")
        page.get_by_role("button", name="Result: trial 0").click()
        expect(page.get_by_role("dialog").get_by_role("textbox", name="yield", exact=True)).to_have_count(0)
        page.get_by_role("textbox", name="cost", exact=True).fill("7")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#best")).to_have_text("1 trial hypervolume 240")
        expect(page.get_by_role("button", name="Result: trial 0")).to_have_count(0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "none yet"),
        ([(90, 2, 3)], "none is known to keep the limits"),
        ([(90, 12, 1)], "1 trial none better than the reference in all objectives"),
    ],
)
def test_a_study_without_a_front_or_a_hypervolume_says_so(opened, rows, said):
    study = told(random_study(**GOALS), rows)
    with served(study) as url, opened(url) as page:
        expect(page.locator("#best")).to_have_text(said)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_three_objectives_have_axes_and_columns_that_fit(opened, width, scheme):
    study = told(
        random_study(direction={**GOALS["direction"], "waste": "minimize"}),
        [(50, 8, 3), (60, 6, 2), (80, 7, 1)],
    )
    with served(study) as url, opened(url, color_scheme=scheme) as page:
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_role("columnheader", name="waste")).to_be_attached()
        expect(page.locator("#front")).to_contain_text("The first two of 3 objectives.")
        assert page.locator("#space .axis").count() == len(study.space.names) + 3
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
