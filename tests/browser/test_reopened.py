"""A notebook opened again: dead controls say what helps, and prose keeps to a readable width."""

import nbformat
import pytest
from driving import command, notebook_of, open_notebook, run_all, save, shoot

PROSE = "# Reopened\n\n" + "A sentence of ten words that goes on and on. " * 12
CELLS = [
    PROSE,
    "import ipywidgets\nipywidgets.IntSlider(3)",
    """@ipywidgets.interact(
    a=ipywidgets.FloatSlider(3.0, description="score"),
    b=ipywidgets.ToggleButtons(options=["x", "y"], description="temperature"),
    c=ipywidgets.SelectionSlider(options=[1, 2], description="d_head"),
)
def shown(a, b, c):
    print(a, b, c)""",
]


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


def told(page):
    """What the outputs say that no control says."""
    said = "all => all.map(node => getComputedStyle(node, '::after').content)"
    found = page.locator(".jp-OutputArea-output").evaluate_all(said)
    return [text for text in found if text.startswith('"')]


def test_a_control_without_its_kernel_says_what_helps(reopened):
    dead = reopened.locator(".jp-OutputArea-output.jupyter-widgets").first
    dead.wait_for()
    reopened.wait_for_function(
        "document.querySelector('.jp-OutputArea-output.jupyter-widgets')?.textContent.includes('model')"
    )
    shown = "node => [getComputedStyle(node).fontSize, getComputedStyle(node, '::after').content]"
    assert dead.evaluate(shown) == ["0px", '"Run the page down to this cell to use the control."']
    prose = reopened.locator(".jp-MarkdownCell .jp-RenderedMarkdown > p").first
    begins = "node => parseFloat(getComputedStyle(node, '::after').paddingLeft)"
    assert dead.bounding_box()["x"] + dead.evaluate(begins) == pytest.approx(
        prose.bounding_box()["x"], abs=1
    )
    shoot(reopened, "reopened")


def test_a_line_of_prose_has_about_eighty_characters(reopened):
    width = (
        "node => node.getBoundingClientRect().width / parseFloat(getComputedStyle(node).fontSize)"
    )
    ems = reopened.locator(".jp-MarkdownCell .jp-RenderedMarkdown > p").first.evaluate(width)
    assert 30 <= ems <= 46.5  # a letter is about half an em


def test_a_live_control_is_left_alone(reopened):
    command(reopened, "notebook:run-all-cells")
    slider = reopened.locator(".jp-OutputArea .widget-slider").first
    slider.wait_for()
    assert slider.evaluate("node => getComputedStyle(node).fontSize") != "0px"
    assert not told(reopened)


def test_its_controls_have_names_for_who_hears_them(reopened):
    reopened.wait_for_function(
        "document.querySelectorAll('.jp-OutputArea .widget-toggle-buttons [role=group]').length"
    )
    area = reopened.locator(".jp-OutputArea")
    names = area.get_by_role("slider").evaluate_all("all => all.map(node => node.ariaLabel)")
    assert names == [None, "score", "d_head"]
    for name in ("score", "d_head"):
        assert area.get_by_role("textbox", name=name).count() == 1
    assert area.get_by_role("group", name="temperature").get_by_role("button").count() == 2


def test_their_names_are_written_out(reopened):
    cut = "all => all.filter(node => node.scrollWidth > node.clientWidth).map(n => n.textContent)"
    names = reopened.locator(".jp-OutputArea .widget-inline-hbox > .widget-label")
    assert names.count() >= 3 and names.evaluate_all(cut) == []


@pytest.mark.parametrize("role", ["slider", "textbox"])
def test_the_keys_of_the_notebook_work_from_a_control(reopened, role):
    control = reopened.locator(".jp-OutputArea").get_by_role(role, name="score")
    cell = "document.activeElement.matches('.jp-Cell.jp-mod-active')"
    active = "jupyterapp.shell.currentWidget.content.activeCellIndex"
    control.click()
    reopened.keyboard.press("Escape")
    assert reopened.evaluate(cell)
    control.click()
    reopened.keyboard.press("Shift+Enter")
    reopened.wait_for_function(f"{active} === 3")


def test_after_a_restart_a_control_says_what_helps_instead_of_broken_links(reopened):
    command(reopened, "kernelmenu:restart")
    reopened.locator(".jp-Dialog .jp-mod-accept").click()
    dead = ".jp-OutputArea-output:has(.jupyter-widgets-disconnected)"
    # one control after the other
    reopened.wait_for_function(f"document.querySelectorAll('{dead}').length === 2")
    assert told(reopened) == ['"Run the page down to this cell to use the control."'] * 2
    links = "all => all.map(node => getComputedStyle(node, '::before').content)"
    assert set(reopened.locator(".jupyter-widgets-disconnected").evaluate_all(links)) == {"none"}
    shoot(reopened, "reopened-restarted")
