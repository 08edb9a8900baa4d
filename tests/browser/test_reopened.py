"""A notebook opened again: dead controls say what helps, and prose keeps to a readable width."""

import nbformat
import pytest
from driving import command, notebook_of, open_notebook, run_all, save, shoot

PROSE = "# Reopened\n\n" + "A sentence of ten words that goes on and on. " * 12
CELLS = [PROSE, "import ipywidgets\nipywidgets.IntSlider(3)"]


@pytest.fixture(scope="module")
def reopened(page, lab):
    page.set_viewport_size({"width": 1440, "height": 900})
    nbformat.write(notebook_of(CELLS), lab.work / "reopened.ipynb")
    open_notebook(page, lab, "reopened.ipynb")
    run_all(page)
    page.wait_for_selector(".jp-OutputArea .widget-slider")
    save(page)
    for kernel in lab.ask("api/kernels"):
        lab.ask(f"api/kernels/{kernel['id']}", method="DELETE")
    open_notebook(page, lab, "reopened.ipynb")
    return page


def test_a_control_without_its_kernel_says_what_helps(reopened):
    dead = reopened.locator(".jp-OutputArea-output.jupyter-widgets")
    dead.wait_for()
    reopened.wait_for_function(
        "document.querySelector('.jp-OutputArea-output.jupyter-widgets')?.textContent.includes('model')"
    )
    shown = "node => [getComputedStyle(node).fontSize, getComputedStyle(node, '::after').content]"
    assert dead.evaluate(shown) == ["0px", '"Run this cell to use the control."']
    shoot(reopened, "reopened")


def test_a_line_of_prose_has_about_eighty_characters(reopened):
    width = (
        "node => node.getBoundingClientRect().width / parseFloat(getComputedStyle(node).fontSize)"
    )
    ems = reopened.locator(".jp-MarkdownCell .jp-RenderedMarkdown > p").first.evaluate(width)
    assert 30 <= ems <= 46.5  # a letter is about half an em


def test_a_live_control_is_left_alone(reopened):
    command(reopened, "notebook:run-all-cells")
    slider = reopened.locator(".jp-OutputArea .widget-slider")
    slider.wait_for()
    assert slider.evaluate("node => getComputedStyle(node).fontSize") != "0px"
