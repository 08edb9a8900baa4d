"""What the prose behind an outcome tells stays out of focus until there is a guess."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, run_all, shoot
from nbformat.v4 import new_markdown_cell

CELLS = [
    "from course_lib.views import outcome, predict",
    'how = "How big is it?"\npredict("02.veil", how)',
    'print("It was 0.951.")\noutcome("02.veil", 0.951)',
    "# It was nearly one",
    "# Another section",
    'predict("02.veil-figure", "How small is it?")',
    'outcome("02.veil-figure", 0.1)',
    "'a figure'",
    "# It was small",
    'predict("02.veil-between", "How far is it?")',
    "# Measured:",
    'outcome("02.veil-between", 7)',
    "# It was far",
    "# The end",
]
BLURRED = """() => [...document.querySelectorAll('.jp-MarkdownCell .jp-RenderedMarkdown')]
  .map(node => getComputedStyle(node).filter !== 'none')"""

PRINTED = """() => [...document.querySelectorAll('[data-mime-type$="jupyter.stdout"]')]
  .map(node => getComputedStyle(node).filter !== 'none')"""


@pytest.fixture(scope="module")
def veiled(page, lab):
    notebook = notebook_of(CELLS)
    notebook.cells.insert(1, new_markdown_cell("Before the question."))
    nbformat.write(notebook, lab.work / "veil.ipynb")
    open_notebook(page, lab, "veil.ipynb")
    page.locator(".jp-MarkdownCell").first.click()  # neither selected nor pointed at
    return page


def wait_for(page, seen):
    page.wait_for_function(f"seen => String(({BLURRED})()) === String(seen)", arg=seen)


def test_it_is_so_before_the_question_is_run(veiled):
    wait_for(veiled, [False, True, False, True, False, True, False])


def test_only_the_prose_behind_the_outcome_is_out_of_focus(veiled):
    run_all(veiled)
    veiled.locator(".jp-MarkdownCell").first.click()
    wait_for(veiled, [False, True, False, True, False, True, False])
    shoot(veiled, "veil")


def test_so_is_what_the_outcomes_cell_prints_until_it_is_pointed_at(veiled):
    wanted = f"seen => String(({PRINTED})()) === String(seen)"
    veiled.wait_for_function(wanted, arg=[True])
    veiled.locator("[data-mime-type$='jupyter.stdout']").hover()
    veiled.wait_for_function(wanted, arg=[False])
    veiled.locator(".jp-MarkdownCell").first.hover()
    veiled.wait_for_function(wanted, arg=[True])


def test_it_is_clear_when_pointed_at_selected_or_opened(veiled):
    told = veiled.locator(".jp-MarkdownCell").nth(1)
    told.hover()
    wait_for(veiled, [False, False, False, True, False, True, False])
    veiled.locator(".jp-MarkdownCell").first.hover()
    wait_for(veiled, [False, True, False, True, False, True, False])
    told.click()
    veiled.locator(".jp-MarkdownCell").first.hover()
    wait_for(veiled, [False, False, False, True, False, True, False])
    veiled.locator(".jp-MarkdownCell").first.click()
    veiled.locator(".course-outcome summary").first.click()
    wait_for(veiled, [False, False, False, True, False, True, False])
    veiled.locator(".course-outcome summary").first.click()
    wait_for(veiled, [False, True, False, True, False, True, False])


@pytest.mark.parametrize(("outcomes_cell", "told"), [(2, 1), (4, 3)], ids=["alone", "figure"])
def test_running_on_to_it_leaves_it_out_of_focus_until_it_is_chosen(veiled, outcomes_cell, told):
    waits = [place in (1, 3, 5) for place in range(7)]
    veiled.mouse.move(0, 0)
    veiled.locator(".jp-CodeCell").nth(outcomes_cell).locator(".jp-InputPrompt").click()
    veiled.mouse.move(0, 0)
    for _ in range(2 if told == 3 else 1):
        veiled.keyboard.press("Shift+Enter")
    selected = veiled.locator(".jp-MarkdownCell.jp-mod-active[data-reached]")
    selected.wait_for()
    assert selected.inner_text() == veiled.locator(".jp-MarkdownCell").nth(told).inner_text()
    wait_for(veiled, waits)
    veiled.keyboard.press("ArrowDown")
    veiled.keyboard.press("ArrowUp")
    wait_for(veiled, [seen and place != told for place, seen in enumerate(waits)])
    veiled.locator(".jp-MarkdownCell").first.click()


def test_a_guess_clears_it_for_good(veiled):
    veiled.locator(".course-predict input").first.fill("0.9")
    veiled.wait_for_timeout(400)  # what is being written is no guess yet
    wait_for(veiled, [False, True, False, True, False, True, False])
    veiled.locator(".course-predict input").first.press("Enter")
    veiled.locator(".course-outcome summary").first.click()
    wait_for(veiled, [False, False, False, True, False, True, False])
    run_all(veiled)
    veiled.wait_for_function(f"() => String(({PRINTED})()) === 'false'")
    wait_for(veiled, [False, False, False, True, False, True, False])
