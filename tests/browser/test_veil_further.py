"""What tells an outcome further down is out of focus, too, also under a pointer at rest."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, run_all, shoot

CELLS = [
    "from course_lib.views import outcome, predict",
    "# Before\n\n" + "Prose.\n\n" * 40,
    'predict("02.further", "How big is it?")',
    'outcome("02.further", 0.951)',
    "# It was nearly one",
    'print("It was 0.951.")',
    "# So it was 0.951",
    "# What has nothing to do with it\n\n" + "Prose.\n\n" * 40,
]
TAGGED = (5, 6)
FOCUS = """() => [...document.querySelectorAll('.jp-Cell')].map(cell =>
  [...cell.querySelectorAll('.jp-RenderedMarkdown, .jp-Cell-outputWrapper')]
    .every(node => getComputedStyle(node).filter === 'none'))"""
TOLD = "document.querySelectorAll('.jp-MarkdownCell')[2]"


@pytest.fixture(scope="module")
def veiled(page, lab):
    notebook = notebook_of(CELLS)
    for place in TAGGED:
        notebook.cells[place].metadata["tags"] = ["tells"]
    nbformat.write(notebook, lab.work / "further.ipynb")
    open_notebook(page, lab, "further.ipynb")
    return page


def wait_for(page, *blurred):
    seen = [place not in blurred for place in range(len(CELLS))]
    page.wait_for_function(f"seen => String(({FOCUS})()) === String(seen)", arg=seen)


def test_before_it_is_run(veiled):
    wait_for(veiled, 4, 5, 6)


def test_once_it_is_run(veiled):
    run_all(veiled)
    veiled.locator(".jp-MarkdownCell").first.click()
    veiled.mouse.move(0, 0)
    wait_for(veiled, 4, 5, 6)
    veiled.locator(".course-predict").scroll_into_view_if_needed()
    shoot(veiled, "veil-further")


def test_what_slides_under_a_pointer_at_rest_stays_out_of_focus(veiled):
    veiled.locator(".jp-MarkdownCell").first.scroll_into_view_if_needed()
    veiled.mouse.move(600, 500)
    wait_for(veiled, 4, 5, 6)
    veiled.evaluate(f"{TOLD}.scrollIntoView({{ block: 'center' }})")
    box = veiled.locator(".jp-MarkdownCell").nth(2).bounding_box()
    veiled.mouse.wheel(0, box["y"] + box["height"] / 2 - 500)
    veiled.wait_for_function(f"{TOLD}.matches(':hover')")
    wait_for(veiled, 4, 5, 6)
    veiled.mouse.move(604, 502)
    wait_for(veiled, 4, 5)
    veiled.mouse.move(0, 0)
    wait_for(veiled, 4, 5, 6)


def test_opened_or_guessed_all_of_it_is_clear(veiled):
    summary = veiled.locator(".course-outcome summary")
    summary.click()
    wait_for(veiled)
    summary.click()
    veiled.locator(".jp-MarkdownCell").first.click()
    veiled.mouse.move(0, 0)
    wait_for(veiled, 4, 5, 6)
    veiled.locator(".course-predict input").fill("0.9")
    veiled.locator(".course-predict input").press("Enter")
    wait_for(veiled)
