"""The clocks of positions in a real JupyterLab: sliders by keyboard, buttons, dark theme."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, pale, run_all, shoot, use_theme

CELLS = [
    "# Clocks",
    """from course_lib.views import position_clocks

named = {"trained": [1.0, 0.05, 0.01], "slower": [0.25, 0.0125, 0.0025]}
position_clocks(named, length=256, trained=64, place=100, distance=5)""",
]


@pytest.fixture(scope="module")
def clocks(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "clocks.ipynb")
    open_notebook(page, lab, "clocks.ipynb")
    run_all(page)
    view = page.locator(".course-clocks")
    view.scroll_into_view_if_needed()
    return view


def test_the_clocks_came_alive(clocks):
    assert clocks.locator(".fallback").count() == 0
    assert clocks.locator(".clock svg").count() == 3
    assert clocks.get_attribute("data-fresh") == "0"


def test_arrow_keys_move_the_sliders_and_nothing_else(clocks, page):
    cells = page.locator(".jp-Cell").count()
    captions = clocks.locator("figcaption").all_inner_texts()
    clocks.locator("input.place").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "d", "d", "b"):
        page.keyboard.press(key)
    assert clocks.get_attribute("data-place") == "101"
    assert clocks.locator("figcaption").all_inner_texts() == captions  # both hands, same angle
    clocks.locator("input.distance").focus()
    page.keyboard.press("ArrowRight")
    assert clocks.get_attribute("data-distance") == "6"
    assert page.locator(".jp-Cell").count() == cells


def test_a_new_angle_is_told_in_words_and_slower_hands_make_it_known(clocks, page):
    clocks.locator("input.distance").focus()
    page.keyboard.press("End")  # as far back as the query's place allows
    assert clocks.get_attribute("data-distance") == "101"
    assert clocks.locator(".clock.new").count() == 2
    assert "2 of 3 pairs" in clocks.locator(".live").inner_text()
    shoot(page, "clocks")
    clocks.locator(".setting").nth(1).click()
    assert clocks.get_attribute("data-setting") == "slower"
    assert clocks.locator(".clock.new").count() == 0


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_its_text_is_readable_in_both_themes(clocks, page, theme):
    use_theme(page, theme)
    assert pale(clocks.locator(".title, .help, .live, figcaption, .slider .name")) == []
    shoot(page, f"clocks-{theme.split()[1].lower()}")
