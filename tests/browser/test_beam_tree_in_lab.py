"""A beam tree in a real JupyterLab: told by mouse and keys, in both themes."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, pale, run_all, shoot, use_theme

CELLS = [
    "# A tree",
    """from course_lib.views import beam_tree

paths = {("a",): -0.5, ("b",): -1.0, ("a", "c"): -1.5, ("b", "c"): -1.2, ("b", "c", "."): -1.25}
beam_tree(paths, ("b", "c", "."), start="x", end=".")""",
]


@pytest.fixture(scope="module")
def tree(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "tree.ipynb")
    open_notebook(page, lab, "tree.ipynb")
    run_all(page)
    view = page.locator(".course-beam_tree")
    view.scroll_into_view_if_needed()
    return view


def told(view):
    return tuple(view.get_attribute(f"data-{name}") for name in ("text", "score", "fate"))


def node(view, label):
    return view.locator(f'.node[aria-label^="{label}:"]')


def test_the_tree_came_alive_and_shows_the_answer(tree):
    assert tree.locator(".fallback").count() == 0
    assert tree.locator(".node").count() == 5
    assert told(tree) == ("xbc.", "−1.25", "the answer")


def test_the_mouse_lights_a_branch_and_tells_its_log_probability(tree, page):
    node(tree, "xac").hover()
    assert told(tree) == ("xac", "−1.50", "dropped")
    assert "log-probability −1.50 (22 %), dropped" in tree.locator(".live").inner_text()
    assert "“c”: −1.00 (37 %)" in tree.locator(".live").inner_text()
    assert tree.locator(".node.lit").count() == 2
    shoot(page, "beam-tree")


def test_arrow_keys_walk_the_tree_and_nothing_else(tree, page):
    cells = page.locator(".jp-Cell").count()
    node(tree, "xbc.").focus()
    walk = {"ArrowLeft": "xbc", "ArrowDown": "xac", "ArrowUp": "xbc", "ArrowRight": "xbc."}
    for key, text in walk.items():
        page.keyboard.press(key)
        assert told(tree)[0] == text
    for key in ("ArrowRight", "d", "d", "b"):
        page.keyboard.press(key)
    assert told(tree)[0] == "xbc." and page.locator(".jp-Cell").count() == cells


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_its_text_is_readable_in_both_themes(tree, page, theme):
    use_theme(page, theme)
    assert pale(tree.locator(".title, .help, .live b, .live span")) == []
    shoot(page, f"beam-tree-{theme.split()[1].lower()}")
    assert page.outside == []


def test_on_a_narrow_page_it_is_pushed_aside_and_not_shrunk(tree, page):
    page.set_viewport_size({"width": 260, "height": 900})
    page.wait_for_function("window.jupyterapp.shell.leftCollapsed")
    drawing, frame = tree.locator("svg"), tree.locator(".frame")
    whole = float(drawing.get_attribute("width"))
    assert drawing.bounding_box()["width"] == whole > frame.bounding_box()["width"]
