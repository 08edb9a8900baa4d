"""A click beside a view's controls, then the arrow keys: they move the view, never the notebook."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, run_all, shoot

from course_lib.views.page import asset, files

CELLS = [
    "# Press Tab until a word is outlined.",
    """import torch
from course_lib.views import *

attention_hover("a b c".split(), torch.eye(3).expand(2, 3, 3), title="Words")""",
    'two_arrows((2, 1), (3, 0), names=("it", "animal"), axes=("alive", "place"))',
    "position_clocks({'trained': [1.0, 0.05], 'slower': [0.25, 0.0125]})",
    """parts = dict.fromkeys(DIAGRAM_PARTS, 7)
transformer_diagram(dict.fromkeys(parts, "(batch, seq, 5)"), parts, num_layers=3)""",
    'beam_tree({("a",): -0.5, ("b",): -1.0, ("a", "c"): -1.5}, ("a", "c"), start="x")',
    """steps = [{"low": ["l", "o", "w"]}, {"low": ["lo", "w"]}, {"low": ["low"]}]
merge_steps({"low": 5}, steps)""",
    "patch_hover(torch.rand(8, 8), {'first': torch.eye(17)}, 'Here')",
    "span_corruption('Thank you for inviting me'.split(), [2])",
    "print(1)",
]
# a key that changes what has the focus or what the view shows, and the one that takes it back
MOVES = {
    "hover": ("ArrowRight", "ArrowLeft"),
    "arrows": ("ArrowUp", "ArrowDown"),
    "clocks": ("ArrowRight", "ArrowLeft"),
    "diagram": ("ArrowUp", "ArrowDown"),
    "beam_tree": ("ArrowLeft", "ArrowRight"),
    "merges": ("ArrowRight", "ArrowLeft"),
    "patches": ("ArrowRight", "ArrowLeft"),
    "spans": ("ArrowRight", "ArrowLeft"),
}
ORDER = "[...document.querySelectorAll('.jp-Cell')].map(cell => cell.textContent.slice(0, 40))"
SECOND = 1_000  # JupyterLab's toolbar over a cell has come by then


@pytest.fixture(scope="module")
def views(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "ground.ipynb")
    open_notebook(page, lab, "ground.ipynb")
    run_all(page)
    return page


def in_focus(page, kind):
    """The view's control that has the focus, numbered among all of the view's."""
    return page.evaluate(
        f"""() => [...document.querySelectorAll(".course-{kind} :is(button, input, [tabindex])")]
          .indexOf(document.activeElement)"""
    )


def told(view):
    """What a view shows, and what it has noted."""
    return view.evaluate("node => JSON.stringify(node.dataset)"), view.inner_text()


def test_every_view_with_arrow_keys_is_here():
    scripts = [path.name for path in files("course_lib.views").iterdir() if path.suffix == ".js"]
    steered = {name for name in scripts if "ArrowRight" in asset(name) or '"range"' in asset(name)}
    assert steered == {f"{kind}.js" for kind in MOVES}


@pytest.mark.parametrize("kind", MOVES)
@pytest.mark.parametrize("place", [".title", ".help"])
def test_a_click_on_the_ground_gives_the_arrow_keys_to_the_view(views, kind, place):
    view, cells = views.locator(f".course-{kind}"), views.evaluate(ORDER)
    view.locator(place).click()
    views.wait_for_timeout(SECOND)
    start = in_focus(views, kind), told(view)
    assert start[0] >= 0
    forth, back = MOVES[kind]
    views.keyboard.press(forth)
    assert (in_focus(views, kind), told(view)) != start
    views.keyboard.press(back)
    assert (in_focus(views, kind), told(view)) == start
    assert views.evaluate(ORDER) == cells
    shoot(views, f"ground-{kind}")


@pytest.mark.parametrize("kind", MOVES)
def test_it_leads_to_the_control_that_was_used_last(views, kind):
    view = views.locator(f".course-{kind}")
    view.locator(".help").click()
    views.keyboard.press("Tab" if kind in ("arrows", "clocks") else MOVES[kind][0])
    used = in_focus(views, kind)
    views.locator(".jp-Cell").first.click()
    assert in_focus(views, kind) == -1
    view.locator(".title").click()
    assert in_focus(views, kind) == used


@pytest.mark.parametrize("kind", MOVES)
def test_tab_and_the_keys_behind_it_never_move_a_cell(views, kind):
    cells = views.evaluate(ORDER)
    views.locator(f".course-{kind} .help").click()
    views.wait_for_timeout(SECOND)
    for key in ("Tab", "ArrowRight", "Enter"):
        views.keyboard.press(key)
    assert views.evaluate(ORDER) == cells


@pytest.mark.parametrize("kind", MOVES)
@pytest.mark.parametrize("key", ["Shift+Enter", "Control+Enter", "Escape"])
def test_the_keys_of_the_notebook_still_reach_it(views, kind, key):
    cell = 1 + list(MOVES).index(kind)
    views.locator(f".course-{kind} .help").click()
    views.keyboard.press(key)
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    views.wait_for_function(f"{active} === {cell + (key == 'Shift+Enter')}")
    assert views.evaluate("document.activeElement.matches('.jp-Cell.jp-mod-active')")
    views.wait_for_selector(f".course-{kind} .help")


def test_text_on_the_ground_can_be_selected(views):
    live = views.locator(".course-hover .help")
    live.select_text()
    live.click(button="right")
    assert in_focus(views, "hover") == -1
    views.keyboard.press("Escape")


@pytest.mark.parametrize("start", [".jp-MarkdownCell", ".jp-CodeCell .jp-InputPrompt"])
def test_tab_is_pressed_until_a_word_is_outlined(views, start):
    """As the pages say: it goes over the buttons above the cell on its way."""
    views.locator(".jp-Cell").last.locator(".jp-InputPrompt").click()
    views.locator(start).first.click()
    views.wait_for_timeout(SECOND)
    cells, outlined = views.evaluate(ORDER), views.locator(".course-hover .word:focus-visible")
    for _ in range(12):
        views.keyboard.press("Tab")
        if outlined.count():
            break
    before = outlined.inner_text()
    views.keyboard.press("ArrowRight")
    assert outlined.inner_text() != before
    assert views.evaluate(ORDER) == cells
