"""From inside a view the notebook's keys work on; guesses and answers outlive page and server."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, run_all, save, shoot
from running_lab import running_lab

from course_lib import kept

CELLS = [
    "from types import SimpleNamespace as Verdict\nimport torch\n"
    "from course_lib.views import attention_hover, outcome, panel, predict, quiz_from, two_arrows",
    'attention_hover("a b c".split(), torch.eye(3))',
    'predict("02.kept", "How big is it?")',
    'outcome("02.kept", 0.951)',
    """quiz_from([{"id": f"02.kept-{n}", "text": "Which?", "option": [
    {"text": "this", "right": True, "why": "so."}, {"text": "that", "why": "not so."}]}
    for n in (1, 2)])""",
    """panel(Verdict(id="02.x", title="T", points=0, out_of=2, solution="return 1", mistake=None,
    hints=("Which axis?",), crash=(), details=(), notes=(), case="", state="wrong",
    summary="no"))""",
    "two_arrows((2, 1), (3, 0))",
    "print(1)",
]
# what each key of JupyterLab leaves selected, counted from the cell whose view had the focus
RUNS = {"Shift+Enter": 1, "Control+Enter": 0}
PLACES = {
    ".course-hover .word": 1,
    ".course-predict input": 2,
    ".course-outcome summary": 3,
    ".course-quiz input": 4,
    ".course-panel summary": 5,
}
ACTIVE = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"


@pytest.fixture(scope="module")
def views(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "keys.ipynb")
    open_notebook(page, lab, "keys.ipynb")
    run_all(page)
    return page


def number(page, cell):
    prompt = page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-InputPrompt")
    return prompt.inner_text()


@pytest.mark.parametrize("key", RUNS)
@pytest.mark.parametrize("place", PLACES)
def test_a_cell_runs_from_inside_its_view(views, place, key):
    cell = PLACES[place]
    before = number(views, cell)
    views.locator(f".jp-OutputArea {place}:visible").first.focus()
    views.keyboard.press(key)
    prompt = f"[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')][{cell}].textContent"
    views.wait_for_function(f"before => {prompt} !== before && /\\d/.test({prompt})", arg=before)
    assert views.evaluate(ACTIVE) == cell + RUNS[key]


@pytest.mark.parametrize("place", PLACES)
def test_escape_leads_back_to_the_cell(views, place):
    views.locator(f".jp-OutputArea {place}:visible").first.focus()
    views.keyboard.press("Escape")
    assert views.evaluate("document.activeElement.matches('.jp-Cell.jp-mod-active')")
    assert views.evaluate(ACTIVE) == PLACES[place]
    views.keyboard.press("ArrowDown")  # a key of JupyterLab again
    assert views.evaluate(ACTIVE) == PLACES[place] + 1


def answer(page):
    """Guess, choose first the wrong and then the right option."""
    page.locator(".course-predict input").fill("0.95")
    page.locator(".course-predict input").press("Enter")
    field = page.locator(".course-quiz fieldset").first
    for text in ("that", "this"):
        field.get_by_text(text, exact=True).click()
        field.get_by_role("button").click()


def assert_remembered(page):
    page.wait_for_function("document.querySelector('.course-quiz .score').textContent[0] === '1'")
    assert page.locator(".course-predict input").input_value() == "0.95"
    told = page.locator(".course-outcome")
    assert "0.951" in told.inner_text() and "close to your guess" in told.inner_text()
    score = page.locator(".course-quiz .score").inner_text()
    assert score == "1 of 2 solved, 0 at the first try."
    assert "Solved at try 2" in page.locator(".course-quiz").inner_text()


def test_guesses_and_answers_are_kept_with_the_work(views, lab, chromium, tmp_path_factory):
    answer(views)
    assert_remembered(views)
    for _ in range(200):  # the answers are on their way
        there = kept.load(lab.work)
        if len(there.get("quiz.02.kept-1", ())) == 2:
            break
        views.wait_for_timeout(100)
    assert there["guess.02.kept"] == "0.95" and len(there["quiz.02.kept-1"]) == 2
    run_all(views)
    assert_remembered(views)
    save(views)
    shoot(views, "kept")

    # another server on another port, another browser: nothing of it lies in the browser
    home = tmp_path_factory.mktemp("again")
    (home / "work").mkdir()
    for name in ("kept.json", "keys.ipynb"):
        (home / "work" / name).write_bytes((lab.work / name).read_bytes())
    context = chromium.new_context()
    with running_lab(home, "--", "--expose-app-in-browser", OMP_NUM_THREADS="1") as other:
        again = context.new_page()
        open_notebook(again, other, "keys.ipynb")
        run_all(again)
        assert_remembered(again)
    context.close()


def test_the_server_keeps_only_what_a_view_sends(lab):
    before = kept.load(lab.work)
    for wrong in ({"guess.x": "1"}, [], {"guess.02.x": "y" * 300}):
        with pytest.raises(Exception, match="400"):
            lab.ask("course/kept", wrong, method="POST")
    assert kept.load(lab.work) == before
    lab.ask("course/kept", {"guess.02.y": "ok"}, method="POST")
    assert lab.ask("course/kept")["guess.02.y"] == "ok"
    assert kept.load(lab.work)["guess.02.y"] == "ok"


def double_the_arrow(page):
    return page.locator(".course-arrows button").first


def solve_the_second_question(page):
    field = page.locator(".course-quiz fieldset").nth(1)
    field.get_by_text("this", exact=True).click()
    return field.get_by_role("button")


@pytest.mark.parametrize(
    ("used_up", "cell"), [(double_the_arrow, 6), (solve_the_second_question, 4)]
)
def test_a_button_that_is_used_up_keeps_the_keys_alive(views, used_up, cell):
    """A button that is `disabled` under the mouse drops the focus: then no key reaches a cell."""
    button = used_up(views)
    button.click()
    assert button.get_attribute("aria-disabled") == "true"
    views.keyboard.press("Enter")  # it does nothing any more
    views.keyboard.press("Shift+Enter")
    views.wait_for_function(f"{ACTIVE} === {cell + 1}")
