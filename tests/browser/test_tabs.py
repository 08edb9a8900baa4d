"""A chapter and its exercises, open side by side, are told apart by their tabs."""

import nbformat
from driving import command, notebook_of, open_notebook, shoot

LABELS = "() => [...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tabLabel')]" + (
    ".map(node => node.textContent)"
)


def test_the_tab_of_exercises_says_so(page, lab):
    for path in (lab.work / "02_two.ipynb", lab.work / "exercises" / "02_two.ipynb"):
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook_of(["# Two"]), path)
    open_notebook(page, lab, "02_two.ipynb")
    command(page, "docmanager:open", {"path": "exercises/02_two.ipynb"})
    said = "Exercises 02_two"
    page.wait_for_function(f"() => ({LABELS})().includes('{said}')")
    shoot(page, "tabs")
    assert sorted(page.evaluate(LABELS)) == ["02_two.ipynb", said]


def test_it_stays_when_the_page_is_opened_again(page, lab):
    page.reload()
    page.wait_for_function(f"() => ({LABELS})().includes('Exercises 02_two')")
