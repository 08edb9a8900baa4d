"""Merges in a real JupyterLab: pairs by mouse and by keyboard, the slider, both themes."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, pale, run_all, shoot, use_theme

CELLS = [
    "# Merges",
    """from course_lib.views import merge_steps, token_strips

counts = {"low": 5, "lower": 2}
steps = [{"low": ["l", "o", "w"], "lower": ["l", "o", "w", "e", "r"]},
         {"low": ["lo", "w"], "lower": ["lo", "w", "e", "r"]},
         {"low": ["low"], "lower": ["low", "e", "r"]}]
merge_steps(counts, steps)""",
    'token_strips({"ours": [("a", 64), (" cat", 300), (b"\\xe2", 7)]})',
]


@pytest.fixture(scope="module")
def merges(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "merges.ipynb")
    open_notebook(page, lab, "merges.ipynb")
    run_all(page)
    view = page.locator(".course-merges")
    view.scroll_into_view_if_needed()
    return view


def pair(merges, text):
    return merges.get_by_role("button", name=text, exact=True)


def test_the_merges_came_alive(merges):
    assert merges.locator(".fallback").count() == 0
    assert merges.locator(".pair").count() == 4
    assert merges.get_attribute("data-tokens") == "25"


def test_pointing_at_a_pair_lights_it_up(merges):
    pair(merges, "o w").hover()
    assert merges.locator(".piece.lit").all_inner_texts() == ["o", "w", "o", "w"]


def test_a_rare_pair_is_not_joined_and_a_tie_is_explained(merges):
    pair(merges, "e r").click()
    assert "2 times. One stands there more often" in merges.locator(".live").inner_text()
    pair(merges, "o w").click()
    assert "comes first in the order" in merges.locator(".live").inner_text()
    assert merges.get_attribute("data-step") == "0"


def test_arrow_keys_and_enter_join_the_commonest_and_touch_no_cell(merges, page):
    cells = page.locator(".jp-Cell").count()
    pair(merges, "e r").focus()
    for key in ("ArrowRight", "d", "d", "b", "Enter"):
        page.keyboard.press(key)
    assert merges.get_attribute("data-step") == "1"
    assert merges.locator(".piece.new").all_inner_texts() == ["lo", "lo"]
    assert page.locator(".jp-Cell").count() == cells
    shoot(page, "merges")


def test_the_slider_walks_to_the_end(merges, page):
    merges.locator("input.step").focus()
    page.keyboard.press("End")
    assert merges.get_attribute("data-step") == "2"
    assert merges.get_attribute("data-tokens") == "11"
    assert "Here the training ends" in merges.locator(".live").inner_text()


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_its_text_is_readable_in_both_themes(merges, page, theme):
    use_theme(page, theme)
    assert pale(merges.locator(".title, .help, .live, .piece, .pair, .slider .name")) == []
    assert pale(page.locator(".course-strips :is(span, summary)")) == []
    shoot(page, f"merges-{theme.split()[1].lower()}")
