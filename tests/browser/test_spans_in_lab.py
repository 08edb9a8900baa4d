"""Spans in a real JupyterLab: hidden by mouse, pulled over, by keyboard, in both themes."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, pale, run_all, shoot, use_theme

CELLS = [
    "# Spans",
    """from course_lib.views import span_corruption

span_corruption("Thank you for inviting me to your party last week".split(), [2, 3, 8])""",
]


@pytest.fixture(scope="module")
def spans(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "spans.ipynb")
    open_notebook(page, lab, "spans.ipynb")
    run_all(page)
    view = page.locator(".course-spans")
    view.scroll_into_view_if_needed()
    return view


def token(spans, text):
    return spans.get_by_role("button", name=text, exact=True)


def line(spans, name):
    return spans.locator(f".line.{name} .piece").all_inner_texts()


def test_the_spans_came_alive(spans):
    assert spans.locator(".fallback").count() == 0
    assert line(spans, "input") == [
        "Thank",
        "you",
        "<0>",
        "me",
        "to",
        "your",
        "party",
        "<1>",
        "week",
    ]
    assert line(spans, "target") == ["<0>", "for", "inviting", "<1>", "last", "<2>"]


def test_a_click_hides_and_another_brings_back(spans):
    token(spans, "me").click()
    assert line(spans, "input") == ["Thank", "you", "<0>", "to", "your", "party", "<1>", "week"]
    token(spans, "me").click()
    token(spans, "for").click()
    assert line(spans, "target") == ["<0>", "inviting", "<1>", "last", "<2>"]


def test_the_mouse_pulls_a_span(spans, page):
    token(spans, "your").hover()
    page.mouse.down()
    token(spans, "party").hover()
    page.mouse.up()
    token(spans, "week").hover()
    assert spans.get_attribute("data-target") == "7"
    assert line(spans, "target") == ["<0>", "inviting", "<1>", "your", "party", "last", "<2>"]


def test_a_quick_pull_leaves_no_token_out(spans, page):
    """The mouse is at one token, and then at the fourth behind it, with nothing between."""
    for target in (["<0>", "Thank", "you", "for", "inviting", "me", "<1>"], ["<0>", "your"]):
        token(spans, "Thank").hover()
        page.mouse.down()
        token(spans, "me").hover()
        page.mouse.up()
        assert line(spans, "target")[: len(target)] == target
    token(spans, "inviting").click()


def test_pointing_at_a_hidden_token_lights_its_sentinels_up(spans):
    token(spans, "party").hover()
    assert spans.locator(".sentinel.lit").all_inner_texts() == ["<1>", "<1>"]
    shoot(spans.page, "spans")


def test_arrow_keys_and_enter_hide_and_touch_no_cell(spans, page):
    cells = page.locator(".jp-Cell").count()
    token(spans, "Thank").focus()
    for key in ("d", "d", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    assert line(spans, "target")[:4] == ["<0>", "you", "<1>", "inviting"]
    assert page.locator(".jp-Cell").count() == cells


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_its_text_is_readable_in_both_themes(spans, page, theme):
    use_theme(page, theme)
    assert pale(spans.locator(".title, .help, .live, .piece, .name, .count")) == []
    shoot(page, f"spans-{theme.split()[1].lower()}")
