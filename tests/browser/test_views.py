"""All views on one page of a real JupyterLab: mouse, keyboard, dark theme, untrusted copy."""

import json

import nbformat
import pytest
from driving import (
    command,
    notebook_of,
    open_notebook,
    pale,
    run_all,
    save,
    shoot,
    use_theme,
)

IMPORTS = """from types import SimpleNamespace as Verdict
import torch
from course_lib.plots import attention_map, transformer_map
from course_lib.views import attention_hover, outcome, panel, predict, quiz_from, show

torch.manual_seed(0)
words = "the cat sat on the mat because it was tired".split()
weights = torch.full((3, 10, 10), 0.05)
for head in range(3):
    weights[head, range(10), [(i + head) % 10 for i in range(10)]] = 0.55"""

CELLS = [
    "# Views",
    IMPORTS,
    'attention_hover(words, weights, title="Three heads")',
    'attention_hover(words, weights[0], title="Twice")',
    'attention_hover(words, weights[0], title="Twice")',
    'attention_hover(["le", "chat"], weights[0, 3:5], words, title="Crossed")',
    'show(attention_map(weights[0], words), alt="Each word looks at \\"itself\\".")',
    'predict("02.scaling", "How big is the largest weight of `ten`?")',
    'outcome("02.scaling", 0.951)',
    """quiz_from([{"id": f"02.q{n}", "text": "What does a row of `weights` sum to?", "option": [
        {"text": "1", "right": True, "why": "softmax makes it so."},
        {"text": "$d$", "why": "that is a <width>."}, {"text": "0", "why": "weights are positive."},
    ]} for n in (1, 2)])""",
    """shared = dict(id="02.x", title="Attention weights", points=0, out_of=2, solution="return 1",
    mistake=None, hints=(), crash=(), details=(), notes=(), case="")
panel(Verdict(**shared | dict(state="right", summary="agrees on 5 cases", points=2)))""",
    """panel(Verdict(**shared | dict(state="wrong", summary="1 of 5 cases agree",
    details=("expected shape (2, 3), found (3, 2)", "</script><b>rows</b> sum to 0.73"),
    mistake="softmax runs over the queries: every column sums to 1",
    hints=("Which axis?", "Look at `dim`.", "Keys are last."))))""",
    """panel(Verdict(**shared | dict(state="crashed", summary="an error stopped it",
    crash=("RuntimeError: shapes differ", "in attend, line 2: q @ k"))))""",
    'panel(Verdict(**shared | dict(state="not attempted", summary="nothing written yet")))',
    "show(transformer_map('scores', ['softmax']), alt='You are at the scores.')",
]


@pytest.fixture(scope="module")
def views(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "views.ipynb")
    open_notebook(page, lab, "views.ipynb")
    run_all(page)
    return page


def hover_of(page, n):
    view = page.locator(".course-hover").nth(n)
    view.scroll_into_view_if_needed()
    return view


def test_no_script_failed_and_every_view_came_alive(views):
    assert views.locator(".jp-RenderedText[data-mime-type*=stderr]").count() == 0
    assert views.locator(".course-view .fallback").count() == 0
    assert views.locator(".course-hover").count() == 4
    assert views.locator(".course-panel").count() == 4


def test_pointing_at_a_word_shows_where_it_looks(views):
    view = hover_of(views, 0)
    words = view.locator(".word")
    plain = words.nth(2).evaluate("node => getComputedStyle(node).backgroundColor")
    words.nth(2).hover()
    assert view.get_attribute("data-active") == "2"
    assert words.nth(2).locator("small").inner_text() == "55%"
    assert "“sat” looks at: sat 55%, the 5%, cat 5%" in view.locator(".live").inner_text()
    assert words.nth(2).evaluate("node => getComputedStyle(node).backgroundColor") != plain
    shoot(views, "views-hover")


def test_a_button_chooses_the_head(views):
    view = hover_of(views, 0)
    view.locator(".word").nth(2).hover()
    view.locator(".head").nth(1).click()
    assert view.get_attribute("data-head") == "1"
    # leaving the words to reach the button let go of the word
    view.locator(".word").nth(2).hover()
    assert view.locator(".word").nth(3).locator("small").inner_text() == "55%"
    assert view.locator(".head").nth(1).get_attribute("aria-pressed") == "true"


def test_arrow_keys_move_and_a_click_pins(views):
    view = hover_of(views, 0)
    words = view.locator(".word")
    words.nth(3).focus()
    for key, active in (("ArrowRight", "4"), ("ArrowLeft", "3"), ("End", "9"), ("Home", "0")):
        views.keyboard.press(key)
        assert view.get_attribute("data-active") == active
    views.keyboard.press("ArrowLeft")
    assert view.get_attribute("data-active") == "9"  # round the end
    views.keyboard.press("Enter")
    assert words.nth(9).get_attribute("aria-pressed") == "true"
    words.nth(1).hover()
    assert view.get_attribute("data-active") == "1"
    views.mouse.move(5, 5)
    assert view.get_attribute("data-active") == "9"  # back to the pinned word
    words.nth(9).focus()
    views.keyboard.press("Escape")
    assert words.nth(9).get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize(
    "place", [".course-hover .word", ".course-hover .head", ".course-quiz input", "summary"]
)
def test_keys_in_a_view_are_not_commands_of_jupyterlab(views, place):
    cells = views.locator(".jp-Cell")
    views.locator(f".jp-OutputArea {place}:visible").first.focus()
    # whether its toolbar covers a cell's text goes by the time of layout, not by a key
    look = "all => all.map(cell => cell.className.replace('jp-toolbar-overlap', '').trim())"
    kinds = cells.evaluate_all(look)
    for key in ("d", "d", "b", "x", "m", "ArrowDown"):
        views.keyboard.press(key)
    assert cells.evaluate_all(look) == kinds


def test_the_same_view_twice_answers_twice(views):
    first, second = hover_of(views, 1), hover_of(views, 2)
    second.locator(".word").nth(4).hover()
    assert second.get_attribute("data-active") == "4"
    assert first.get_attribute("data-active") == "-1"


def test_in_cross_attention_the_lower_row_takes_the_colour(views):
    view = hover_of(views, 3)
    assert view.locator("button.word").count() == 2
    view.locator("button.word").nth(1).hover()
    assert view.locator(".key").nth(4).locator("small").inner_text() == "55%"
    assert "“chat” looks at: the 55%" in view.locator(".live").inner_text()


def test_a_picture_has_its_description(views):
    picture = views.locator(".jp-OutputArea img").first
    assert picture.get_attribute("alt") == 'Each word looks at "itself".'
    assert not views.locator(".course-alt").first.is_visible()


def test_a_guess_stands_beside_what_came_out(views):
    guess = views.locator(".course-predict input")
    guess.scroll_into_view_if_needed()
    told = views.locator(".course-outcome")
    assert "guess first" in told.inner_text() and "0.951" not in told.inner_text()
    told.locator("summary").click()
    assert "nothing yet" in told.inner_text() and "0.951" in told.inner_text()
    told.locator("summary").click()
    cells = views.locator(".jp-Cell").count()
    guess.click()
    views.keyboard.type("about 0.5, ddbx")
    assert "0.951" not in told.inner_text()  # a guess half written opens nothing
    views.keyboard.press("Enter")
    assert "about 0.5, ddbx" in told.inner_text() and "0.951" in told.inner_text()
    assert "kept" in views.locator(".course-predict .kept").inner_text()
    assert views.locator(".jp-Cell").count() == cells
    assert told.locator(".agrees").inner_text() == "Not what you guessed: what would explain it?"
    shoot(views, "views-predict")


def test_a_quiz_is_answered_by_keyboard(views):
    quiz = views.locator(".course-quiz")
    quiz.scroll_into_view_if_needed()
    first = quiz.locator("fieldset").first
    options = first.locator(".option").all_inner_texts()
    right = [text.strip() for text in options].index("1")
    assert not first.locator(".why").first.is_visible()
    wrong = (right + 1) % 3
    first.locator("input").nth(wrong).focus()
    views.keyboard.press("Space")
    views.keyboard.press("Enter")
    assert first.locator(".why").nth(wrong).is_visible()
    assert not first.locator(".why").nth(right).is_visible()
    assert "0 of 2 solved" in quiz.locator(".score").inner_text()
    # the arrow keys stay inside the question
    views.keyboard.press("ArrowUp" if right < wrong else "ArrowDown")
    for _ in range(2):
        if not first.locator("input").nth(right).is_checked():
            views.keyboard.press("ArrowDown")
    assert first.locator("input").nth(right).is_checked()
    views.keyboard.press("Tab")
    views.keyboard.press("Enter")
    assert all(why.is_visible() for why in first.locator(".why").all())
    assert "1 of 2 solved, 0 at the first try" in quiz.locator(".score").inner_text()
    assert quiz.locator("fieldset").nth(1).locator("input:checked").count() == 0
    shoot(views, "views-quiz")


def test_panels_say_it_in_words_and_hints_open_in_order(views):
    panels = views.locator(".course-panel")
    said = [panels.nth(i).locator("strong").first.inner_text() for i in range(4)]
    starts = ["✓ Right", "✗ Not yet", "! Your code stopped", "○ Not attempted"]
    assert all(text.startswith(start) for text, start in zip(said, starts, strict=True))
    wrong = panels.nth(1)
    wrong.scroll_into_view_if_needed()
    assert "This is what you get when softmax runs over the queries" in wrong.inner_text()
    assert "</script><b>rows</b> sum to 0.73" in wrong.inner_text()
    folded = wrong.locator("details")
    seen = [folded.nth(i).locator("> summary").is_visible() for i in range(4)]
    assert seen == [True, False, False, False]
    for i in range(4):
        assert folded.nth(i).locator("> summary").is_visible()
        folded.nth(i).locator("> summary").click()
    assert "return 1" in wrong.inner_text()
    assert "in attend, line 2: q @ k" in panels.nth(2).inner_text()
    shoot(views, "views-panels")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_all_text_is_readable_in_both_themes(views, theme):
    use_theme(views, theme)
    view = hover_of(views, 0)
    view.locator(".word").nth(3).hover()
    for places, at_least in (
        (view.locator(".word.lit, .word small, .help, .live"), 4.5),
        (views.locator(".course-panel"), 7),
        (views.locator(".course-quiz .option span, .course-quiz .why:visible"), 4.5),
        (views.locator(".course-outcome dd, .course-predict input, .course-predict .asks"), 4.5),
    ):
        assert pale(places, at_least) == []
    shoot(views, f"views-{theme.split()[1].lower()}")


def test_nothing_was_asked_of_the_network(views):
    assert views.outside == []


def test_an_untrusted_copy_shows_tables_answers_and_descriptions(views, lab):
    """As in a fresh clone: scripts and style sheets are taken out, the message must stay."""
    save(views)
    content = json.loads((lab.work / "views.ipynb").read_text())
    content["cells"].pop()  # another content than the one this server has signed
    (lab.work / "copy.ipynb").write_text(json.dumps(content))
    command(views, "docmanager:open", {"path": "copy.ipynb"})
    copy = views.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    copy.get_by_text("Three heads, head 0: the row looks").wait_for()
    assert copy.locator("script, style").count() == 0
    assert copy.locator(".jp-OutputArea button").count() == 0
    assert copy.locator("table").first.locator("td").nth(1).inner_text() == "55"
    assert copy.get_by_text("Description of the figure").first.is_visible()
    came_out = copy.locator("details", has_text="It came out as: 0.951")
    assert "0.951" not in came_out.inner_text()
    came_out.locator("summary").click()
    assert "0.951" in came_out.inner_text()
    answer = copy.locator("details", has_text="Answer to 1").first
    answer.locator("summary").click()
    assert "softmax makes it so." in answer.inner_text()
    assert "✗ Not yet: Attention weights" in copy.inner_text()
    copy.locator("table").first.scroll_into_view_if_needed()
    shoot(views, "views-untrusted")
