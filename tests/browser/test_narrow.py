"""A phone's width in JupyterLab: figures and formulas are pushed aside, views fit the prose."""

import nbformat
import pytest
from driving import command, notebook_of, open_notebook, run_all, shoot, use_theme

FORMULA = "$$a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + u$$"
CELLS = [
    f"# Narrow\n\nSome prose.\n\n{FORMULA}",
    "import torch\nfrom course_lib.plots import transformer_map\n"
    "from course_lib.views import attention_hover, outcome, predict, quiz, show",
    "show(transformer_map(here='softmax'), alt='A drawing.')",
    'attention_hover("a b c".split(), torch.eye(3))',
    'predict("02.narrow", "How big is it?")',
    'outcome("02.narrow", 0.951)',
    'quiz("02")',
    "import matplotlib.pyplot as plt\nplt.subplots(figsize=(12, 2))\nplt.show()",
    "for i in range(3):\n    print(*(f'{x:.4f}' for x in torch.rand(23)))",
]
VIEWS = [".course-hover .word", ".course-predict .asks", ".course-outcome dd", ".option > span"]


@pytest.fixture(scope="module")
def narrow(page, lab):
    page.set_viewport_size({"width": 420, "height": 900})
    notebook = notebook_of([*CELLS, "many = [" + "1, " * 60 + "]\nfew = many[:2]"])
    notebook.cells[-1].metadata["jupyter"] = {"source_hidden": True}
    nbformat.write(notebook, lab.work / "narrow.ipynb")
    open_notebook(page, lab, "narrow.ipynb")
    run_all(page)
    return page


def test_it_opens_without_the_list_of_files(narrow):
    narrow.wait_for_function("window.jupyterapp.shell.leftCollapsed")
    assert narrow.locator(".jp-NotebookPanel").bounding_box()["width"] > 300


def test_a_folded_cell_ends_where_the_others_do(narrow):
    line, above = narrow.locator(".jp-Placeholder-content"), narrow.locator(".jp-Editor").last
    edges = [(box["x"], box["x"] + box["width"]) for box in map(_box, (line, above))]
    assert edges[0] == pytest.approx(edges[1], abs=1)
    more = _box(line.locator(".jp-MoreHorizIcon"))
    assert more["x"] + more["width"] <= edges[0][1]


def _box(locator):
    locator.scroll_into_view_if_needed()
    return locator.bounding_box()


def test_a_wide_figure_is_pushed_aside_and_not_shrunk(narrow):
    image = narrow.locator(".jp-RenderedImage img").first
    frame = image.locator("xpath=..")
    whole = float(image.get_attribute("width"))
    assert image.bounding_box()["width"] >= 0.84 * whole > frame.bounding_box()["width"]
    assert frame.get_attribute("tabindex") == "0"
    frame.focus()
    for _ in range(4):
        narrow.keyboard.press("ArrowRight")
    narrow.wait_for_function("document.querySelector('.jp-RenderedImage').scrollLeft > 0")
    shoot(narrow, "narrow-figure")


def test_so_is_a_plot_that_is_shown_without_a_description(narrow):
    image = narrow.locator(".jp-RenderedImage img").last
    narrow.wait_for_function("document.querySelectorAll('.jp-RenderedImage img').length === 2")
    image.scroll_into_view_if_needed()
    whole = image.evaluate("node => node.naturalWidth")
    assert image.bounding_box()["width"] >= 0.79 * whole > 700
    assert image.locator("xpath=..").evaluate("node => node.scrollWidth > node.clientWidth")


def test_its_cell_still_runs_by_key_from_there(narrow):
    cell = narrow.locator(".jp-CodeCell", has=narrow.locator(".jp-RenderedImage")).first
    before = cell.locator(".jp-InputPrompt").inner_text()
    narrow.locator(".jp-RenderedImage").first.focus()
    narrow.keyboard.press("Control+Enter")
    prompt = "document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')[1].textContent"
    narrow.wait_for_function(f"before => {prompt} !== before && /\\d/.test({prompt})", arg=before)
    narrow.wait_for_selector(".jp-RenderedImage[tabindex]")


def test_on_a_wide_page_tab_passes_it_by(narrow):
    narrow.set_viewport_size({"width": 1440, "height": 900})
    narrow.wait_for_selector(".jp-RenderedImage:not([tabindex])")
    image = narrow.locator(".jp-RenderedImage img").first
    assert image.bounding_box()["width"] == float(image.get_attribute("width"))
    narrow.set_viewport_size({"width": 420, "height": 900})
    narrow.wait_for_selector(".jp-RenderedImage[tabindex]")


def test_a_wide_formula_can_be_reached_to_its_end(narrow):
    formula = narrow.locator("mjx-container[display=true]")
    wide = "node => [node.scrollWidth > node.clientWidth, getComputedStyle(node).overflowX]"
    assert formula.evaluate(wide) == [True, "auto"]


TORN = """() => {
  const text = [...document.querySelectorAll('.jp-RenderedText pre')].pop().firstChild;
  const place = document.createRange();
  return [...text.textContent.matchAll(/\\S+/g)].filter(found => {
    place.setStart(text, found.index);
    place.setEnd(text, found.index + found[0].length);
    return place.getClientRects().length > 1;
  }).length;
}"""


def test_rows_of_numbers_are_pushed_aside_and_stay_whole(narrow):
    rows = narrow.locator(".jp-RenderedText pre").last
    rows.scroll_into_view_if_needed()
    shoot(narrow, "narrow-numbers")
    assert rows.bounding_box()["height"] < 90  # three rows
    wide = "node => [node.scrollWidth > node.clientWidth, getComputedStyle(node).overflowX]"
    assert rows.evaluate(wide) == [True, "auto"]


def test_no_printed_number_is_torn(narrow):
    narrow.set_viewport_size({"width": 900, "height": 900})
    rows = narrow.locator(".jp-RenderedText pre").last
    rows.scroll_into_view_if_needed()
    assert rows.bounding_box()["height"] > 90  # they wrap
    assert narrow.evaluate(TORN) == 0
    narrow.set_viewport_size({"width": 420, "height": 900})


def test_views_have_the_size_of_the_prose(narrow):
    size = "node => getComputedStyle(node).fontSize"
    prose = narrow.locator(".jp-MarkdownCell p").first.evaluate(size)
    found = [narrow.locator(f".jp-OutputArea {view}").first.evaluate(size) for view in VIEWS]
    assert found == [prose] * len(VIEWS)


def test_a_question_of_several_lines_stands_inside_its_frame(narrow):
    field = narrow.locator(".course-quiz fieldset").first
    top, legend = field.bounding_box()["y"], field.locator("legend").bounding_box()
    assert legend["height"] > 30 and legend["y"] > top
    assert field.locator(".option").first.bounding_box()["y"] >= legend["y"] + legend["height"]


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_words_look_like_buttons_before_one_is_lit(narrow, theme):
    use_theme(narrow, theme)
    view = narrow.locator(".course-hover")
    edges = "all => all.map(node => getComputedStyle(node).borderTopColor)"
    seen = view.locator("button.word").evaluate_all(edges)
    assert view.get_attribute("data-active") == "-1"
    assert len(set(seen)) == 1 and "rgba(0, 0, 0, 0)" not in seen
    assert view.locator(".live").inner_text() == "No word is lit yet."
    view.scroll_into_view_if_needed()
    shoot(narrow, f"narrow-hover-{theme.split()[1].lower()}")


def test_the_list_of_files_shows_whole_names_and_no_notes_of_the_course(narrow, lab):
    (lab.work / "progress.json").write_text("{}")
    (lab.work / "kept.json").write_text("{}")
    names = {entry["name"] for entry in lab.ask("api/contents")["content"]}
    assert "narrow.ipynb" in names and not names & {"progress.json", "kept.json", ".copies.json"}
    narrow.set_viewport_size({"width": 1440, "height": 900})
    if narrow.evaluate("window.jupyterapp.shell.leftCollapsed"):
        command(narrow, "application:toggle-left-area")
    name = narrow.locator(".jp-DirListing-itemText", has_text="03_queries_keys_values.ipynb")
    name.wait_for()
    assert name.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    shoot(narrow, "narrow-files")


def test_a_window_made_narrow_folds_the_list_and_a_wide_one_keeps_it(narrow):
    narrow.set_viewport_size({"width": 1440, "height": 900})
    narrow.wait_for_function("window.jupyterapp.shell.node.clientWidth === 1440")
    command(narrow, "filebrowser:activate")
    narrow.wait_for_function("!window.jupyterapp.shell.leftCollapsed")
    narrow.set_viewport_size({"width": 1000, "height": 900})
    assert not narrow.evaluate("window.jupyterapp.shell.leftCollapsed")
    narrow.set_viewport_size({"width": 420, "height": 900})
    narrow.wait_for_function("window.jupyterapp.shell.leftCollapsed")
