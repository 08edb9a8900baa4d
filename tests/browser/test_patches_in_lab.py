"""An image's patches in a real JupyterLab: mouse, keyboard, both themes."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, pale, run_all, shoot, use_theme

CELLS = [
    "# Patches",
    """import torch
from course_lib.views import patch_hover

image = torch.zeros(8, 8)
image[2:6, 4:6] = 1.0
weights = torch.full((17, 17), 0.04)
weights[0, 7], weights[6, 0], weights[1, 16] = 0.36, 0.36, 0.36
patch_hover(image, {"layer 0": weights, "layer 1": weights.T}, "Here")""",
]


@pytest.fixture(scope="module")
def patches(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "patches.ipynb")
    open_notebook(page, lab, "patches.ipynb")
    run_all(page)
    view = page.locator(".course-patches")
    view.scroll_into_view_if_needed()
    return view


def told(patches):
    return patches.locator(".live").inner_text()


def test_the_patches_came_alive_and_cls_is_pinned(patches):
    assert patches.locator(".fallback").count() == 0
    assert patches.locator(".patch canvas").count() == 16
    assert told(patches).startswith("[CLS] looks at: row 1, column 2 36%")


def test_pointing_at_a_patch_says_where_it_looks(patches):
    patches.get_by_role("button", name="row 1, column 1", exact=True).hover()
    assert told(patches).startswith("row 1, column 1 looks at: [CLS] 36%")
    patches.locator(".title").hover()
    assert told(patches).startswith("[CLS] looks at")


def test_arrow_keys_walk_over_the_image_and_touch_no_cell(patches, page):
    cells = page.locator(".jp-Cell").count()
    patches.get_by_role("button", name="row 0, column 0", exact=True).focus()
    assert "row 3, column 3 36%" in told(patches)
    for key in ("ArrowDown", "ArrowRight", "d", "d", "b"):
        page.keyboard.press(key)
    assert patches.get_attribute("data-active") == "6"
    page.keyboard.press("Home")
    assert patches.get_attribute("data-active") == "0"
    assert page.locator(".jp-Cell").count() == cells


def test_another_layer_and_a_pin(patches, page):
    patches.get_by_role("button", name="layer 1", exact=True).click()
    patches.get_by_role("button", name="row 1, column 2", exact=True).click()
    assert told(patches) == (
        "row 1, column 2 looks at: [CLS] 36%; row 0, column 0 4.0%; row 0, column 1 4.0% (pinned)"
    )
    shoot(page, "patches")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_its_text_is_readable_in_both_themes(patches, page, theme):
    use_theme(page, theme)
    assert pale(patches.locator(".title, .help, .live, .map, .cls")) == []
    shoot(page, f"patches-{theme.split()[1].lower()}")
