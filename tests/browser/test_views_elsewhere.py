"""The views outside JupyterLab: VS Code's dark page, exported pages, narrow and zoomed windows."""

import json

import pytest
import torch
from driving import notebook_of, pale, shoot

from course_lib.views import (
    DIAGRAM_PARTS,
    attention_hover,
    beam_tree,
    merge_steps,
    outcome,
    position_clocks,
    predict,
    quiz,
    token_strips,
    transformer_diagram,
    two_arrows,
)

WORDS = ["the", "cat", "sat", "on", "the", "mat", "because", "it", "was", "tired"]
# what VS Code sets around an output of its dark theme
DARK = '<body class="vscode-dark" style="background:#1e1e1e;color:#cccccc;margin:8px">'
TEXTS = (
    ".word, .help, .live, .asks, input, dd, dt, summary, legend, .option span, figcaption, .name"
)


def views():
    sizes = dict.fromkeys(DIAGRAM_PARTS, "(2, 7, 64)")
    return [
        attention_hover(WORDS, torch.full((3, 10, 10), 0.1), title="Three heads", start=2),
        predict("02.a", "How large is the largest weight of `w`?"),
        outcome("02.a", "0.951"),
        position_clocks({"short": [1.0, 0.1], "long": [0.5, 0.01]}, trained=32),
        transformer_diagram(sizes, dict.fromkeys(DIAGRAM_PARTS, 1000), num_layers=2),
        quiz("02"),
        beam_tree({("a",): -0.5, ("a", "."): -1.0}, ("a", "."), end="."),
        two_arrows((2, 1), (3, 0), names=("it", "animal"), axes=("alive", "place")),
        merge_steps({"hot": 3}, [{"hot": ["h", "o", "t"]}, {"hot": ["h", "ot"]}]),
        token_strips({"ours": [("a", 64), (" cat", 300), (b"\xe2", 7)]}),
    ]


def exported(template):
    """The views in a notebook as nbconvert makes a page of it."""
    from nbconvert import HTMLExporter
    from nbformat.v4 import new_output

    notebook = notebook_of(["view"] * len(views()))
    for cell, view in zip(notebook.cells, views(), strict=True):
        cell.outputs = [new_output("display_data", view._repr_mimebundle_())]
    page, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    return page


PAGES = {
    "light": lambda: "<body>" + "".join(view.html() for view in views()),
    "dark": lambda: DARK + "".join(view.html() for view in views()),
    "lab": lambda: exported("lab"),
    "classic": lambda: exported("classic"),
}


@pytest.fixture(params=PAGES)
def shown(request, chromium, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><meta charset=utf-8>" + PAGES[request.param]())
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.route("http*://**", lambda route: route.abort())  # exports ask for fonts and formulas
    page.goto(path.as_uri())
    page.kind = request.param
    yield page
    page.close()


def test_every_view_is_alive_and_readable(shown):
    assert shown.locator(".course-view").count() == len(views())
    assert shown.locator(".course-view .fallback").count() == 0
    shown.locator(".course-outcome summary").click()
    assert pale(shown.locator(f".course-view :is({TEXTS})")) == []
    shoot(shown, f"elsewhere-{shown.kind}")


def test_a_guess_is_kept_by_the_browser_where_no_server_keeps_it(shown):
    shown.locator(".course-predict input").fill("0.95")
    shown.locator(".course-predict input").press("Enter")
    assert "close to your guess" in shown.locator(".course-outcome").inner_text()
    for _ in range(50):  # a browser writes its storage when it has time
        shown.wait_for_timeout(100)
        shown.reload()
        if shown.locator(".course-predict input").input_value():
            break
    assert shown.locator(".course-predict input").input_value() == "0.95"
    kept = shown.evaluate("localStorage.getItem('course.kept.guess.02.a')")
    assert json.loads(kept) == "0.95"


@pytest.mark.parametrize("width", [320, 420, 1440])
def test_nothing_is_cut_off(shown, width):
    shown.set_viewport_size({"width": width, "height": 900})
    over = "views => views.map(view => view.scrollWidth - view.clientWidth)"
    assert shown.locator(".course-view").evaluate_all(over) == [0] * len(views())
    shoot(shown, f"elsewhere-{shown.kind}-{width}")


def test_a_drawing_and_its_words_fit_a_page_zoomed_to_twice_its_size(shown):
    shown.set_viewport_size({"width": 720, "height": 450})  # 1440 × 900 at 200 %
    view = shown.locator(".course-diagram")
    view.locator(".drawing").evaluate("node => node.scrollIntoView({ block: 'start' })")
    view.locator(".part").first.focus()
    view.locator(".drawing").evaluate("node => node.scrollIntoView({ block: 'start' })")
    box = view.locator(".live").bounding_box()
    assert "Looks up each token" in view.locator(".live").inner_text()
    assert box["y"] >= 0 and box["y"] + 60 < 450
    letters = view.locator("svg .part text").first.bounding_box()["height"]
    assert letters >= 8


def test_pale_text_is_found_by_its_contrast(chromium):
    page = chromium.new_page()
    page.set_content(
        "<body style='background:#fff'><p style='color:#777'>grey</p><p style='color:#000'>ink</p>"
        "<p style='color:#fff; visibility:hidden'>unseen</p><p style='color:#fff'> </p>"
    )
    assert pale(page.locator("p")) == ["4.48: grey"]
    with pytest.raises(Exception, match="no text is seen here"):
        pale(page.locator("h1"))
    page.close()
