"""A chapter and its exercises, open side by side, are told apart by their tabs."""

import nbformat
import pytest
from driving import READY, command, notebook_of, open_notebook, shoot

LABELS = """() => [...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tabLabel')]
  .map(node => getComputedStyle(node, '::before').content.replace(/^none$|"/g, '')
    + node.textContent)"""
BOTH = ["02_two.ipynb", "Exercises 02_two.ipynb"]


def wait_for_both(page):
    page.wait_for_function(f"both => String(({LABELS})().sort()) === String(both)", arg=BOTH)
    page.wait_for_function(READY)


@pytest.fixture(scope="module")
def side_by_side(page, lab):
    for path in (lab.work / "02_two.ipynb", lab.work / "exercises" / "02_two.ipynb"):
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook_of(["# Two", "print(2)"]), path)
    open_both(page, lab)
    return page


def open_both(page, lab):
    open_notebook(page, lab, "02_two.ipynb")
    command(page, "docmanager:open", {"path": "exercises/02_two.ipynb"})


def test_the_tab_of_exercises_says_so(side_by_side):
    wait_for_both(side_by_side)
    shoot(side_by_side, "tabs")


def test_it_stays_when_the_page_is_opened_again(side_by_side, lab):
    """Opened, not left to the layout that JupyterLab keeps: it may not be saved yet."""
    open_both(side_by_side, lab)
    wait_for_both(side_by_side)


def test_the_file_keeps_its_name(side_by_side, lab):
    path = side_by_side.evaluate("jupyterapp.shell.currentWidget.context.path")
    assert path in ("02_two.ipynb", "exercises/02_two.ipynb")
    assert [file.name for file in (lab.work / "exercises").glob("*two*")] == ["02_two.ipynb"]


def test_what_is_typed_is_in_the_file_soon(side_by_side, lab):
    """`course check` in a terminal reads the file, and nobody remembers to save."""
    path = lab.work / "exercises" / "02_two.ipynb"
    side_by_side.evaluate(
        "jupyterapp.shell.currentWidget.content.widgets.at(-1).model.sharedModel.setSource('x = 7')"
    )
    for _ in range(40):
        side_by_side.wait_for_timeout(500)
        if "x = 7" in path.read_text():
            return
    pytest.fail("not saved within 20 seconds")
