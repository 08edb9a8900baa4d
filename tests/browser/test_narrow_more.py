"""What is pushed aside on a narrow page shows that it goes on, and on which side."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, run_all, shoot

FORMULA = "$$a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + u$$"
CELLS = [
    f"# Wide\n\n{FORMULA}",
    "from course_lib.plots import transformer_map\nfrom course_lib.views import show",
    "show(transformer_map(here='softmax'), alt='A drawing.')",
    "import matplotlib.pyplot as plt\nplt.subplots(figsize=(12, 2))\nplt.show()",
    "print(*range(100))",
    "print('short')",
    "# Raised\n\n$$\\mathrm{softmax}(QK^\\top)\\,V$$",
]
WIDE = ["mjx-container[display=true]", ".jp-RenderedImage", ".jp-RenderedText pre"]


@pytest.fixture(scope="module")
def narrow(page, lab):
    page.set_viewport_size({"width": 420, "height": 900})
    nbformat.write(notebook_of(CELLS), lab.work / "more.ipynb")
    open_notebook(page, lab, "more.ipynb")
    run_all(page)
    return page


SAYS = """([wide, more]) => [...document.querySelectorAll(wide)].some(node =>
  (node.dataset.more ?? '') === more
    && (getComputedStyle(node).maskImage !== 'none') === (more !== ''))"""


def wait_for(page, selector, more):
    page.wait_for_function(SAYS, arg=[selector, more])


@pytest.mark.parametrize("selector", WIDE)
def test_it_fades_where_it_goes_on(narrow, selector):
    wait_for(narrow, selector, "right")
    wide = narrow.locator(f"{selector}[data-more]").first
    wide.scroll_into_view_if_needed()
    shoot(narrow, f"more-{WIDE.index(selector)}")
    wide.evaluate("node => { node.scrollLeft = 40; }")
    wait_for(narrow, selector, "left right")
    wide.evaluate("node => { node.scrollLeft = node.scrollWidth; }")
    wait_for(narrow, selector, "left")


def test_nothing_of_a_formula_is_cut_off(narrow):
    formula = narrow.locator("mjx-container[display=true]").last
    formula.scroll_into_view_if_needed()
    for shift in (0, 0.25, 0.5, 0.75):  # of a pixel: whether a thin bar falls out hangs on it
        drawn = []
        for overflow in ("", "visible"):
            style = f"margin-top: {16 + shift}px; overflow: {overflow}"
            formula.evaluate("(node, style) => { node.style.cssText = style; }", style)
            box = formula.bounding_box()
            around = box | {"y": box["y"] - 6, "height": box["height"] + 12}
            drawn.append(narrow.screenshot(clip=around))
        assert drawn[0] == drawn[1], shift
    formula.evaluate("node => node.removeAttribute('style')")


def test_both_kinds_of_figures_say_it_in_words(narrow):
    shown = narrow.locator(".jp-RenderedImage[data-more]")
    narrow.wait_for_function(
        "document.querySelectorAll('.jp-RenderedImage[data-more]').length === 2"
    )
    said = shown.evaluate_all("all => all.map(node => getComputedStyle(node, '::after').content)")
    assert said == ['"Wider than the page: push it aside."'] * 2


def test_what_fits_is_left_alone(narrow):
    wait_for(narrow, ".jp-RenderedText pre", "")
    narrow.set_viewport_size({"width": 1440, "height": 900})
    narrow.wait_for_function("!document.querySelector('[data-more]')")
