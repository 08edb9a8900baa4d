"""Two arrows in a real JupyterLab: dragged by mouse, moved by keys, told in words, dark theme."""

import nbformat
import pytest
from driving import notebook_of, open_notebook, pale, run_all, shoot, use_theme

CELLS = [
    "# Arrows",
    """from course_lib.views import two_arrows

two_arrows((2, 1), (3, 0), names=("it", "animal"), axes=("alive", "place"))""",
]


@pytest.fixture(scope="module")
def arrows(page, lab):
    nbformat.write(notebook_of(CELLS), lab.work / "arrows.ipynb")
    open_notebook(page, lab, "arrows.ipynb")
    run_all(page)
    view = page.locator(".course-arrows")
    view.scroll_into_view_if_needed()
    return view


def told(view):
    return tuple(view.get_attribute(f"data-{name}") for name in ("dot", "angle", "cosine"))


def tip(view, name):
    box = view.locator(f".arrow.{name} .grip").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, view, name, right, up):
    """Move a tip by so many units of the plane, which is 11.2 units wide."""
    unit = view.locator("svg").bounding_box()["width"] / 11.2
    x, y = tip(view, name)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + unit * right / 2, y - unit * up / 2)
    page.mouse.move(x + unit * right, y - unit * up)
    page.mouse.up()


def test_the_arrows_came_alive(arrows):
    assert arrows.locator(".fallback").count() == 0
    assert told(arrows) == ("6", "27", "0.89")


def test_a_name_lies_on_no_arrow(arrows):
    named, other = (arrows.locator(f".arrow.{n}") for n in "ba")
    parts = (named.locator("line").first, other.locator(".grip"), other.locator("line").first)
    name, *boxes = (part.bounding_box() for part in (named.locator(".called"), *parts))
    for box in boxes:
        across = name["x"] < box["x"] + box["width"] and box["x"] < name["x"] + name["width"]
        down = name["y"] < box["y"] + box["height"] and box["y"] < name["y"] + name["height"]
        assert not (across and down), (name, box)


def test_a_longer_arrow_has_a_larger_dot_product_and_the_same_cosine(arrows):
    arrows.get_by_text("double “it”").click()
    assert told(arrows) == ("12", "27", "0.89")
    assert arrows.get_by_text("double “it”").is_disabled()  # 8 would be off the plane
    arrows.get_by_text("halve “it”").click()
    assert told(arrows) == ("6", "27", "0.89")


def test_the_mouse_drags_a_tip_to_a_right_angle(arrows, page):
    drag(page, arrows, "b", -3, 0)
    assert told(arrows) == ("3", "27", "0.89")  # no arrow of length 0: it stays halfway
    drag(page, arrows, "b", -2.5, 2)
    assert told(arrows) == ("0", "90", "0.00")
    assert "it · animal = 0" in arrows.locator(".live").inner_text()
    shoot(page, "arrows")


def test_a_tip_does_not_leave_the_plane(arrows, page):
    drag(page, arrows, "b", 0, 9)
    assert (
        arrows.locator(".arrow.b")
        .get_attribute("aria-label")
        .startswith("animal: alive −1, place 5.")
    )


def test_arrow_keys_move_the_tip_in_focus_and_nothing_else(arrows, page):
    cells = page.locator(".jp-Cell").count()
    arrows.locator(".arrow.a").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowDown", "Shift+ArrowLeft", "d", "d", "b"):
        page.keyboard.press(key)
    label = arrows.locator(".arrow.a").get_attribute("aria-label")
    assert label.startswith("it: alive 1.25, place 1.")
    assert page.locator(".jp-Cell").count() == cells


def test_the_buttons_reach_a_right_angle(arrows):
    arrows.get_by_text("right angle").click()
    assert told(arrows) == ("0", "90", "0.00")


WALK = """(view, at) => {
  const press = (hand, key, times) => {
    for (let i = 0; i < times; i++)
      hand.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: true }));
  };
  const [a, b] = ["a", "b"].map(name => view.querySelector(".arrow." + name)), crossed = [];
  const svg = view.querySelector("svg").getBoundingClientRect();
  const look = () => {
    const boxes = [...view.querySelectorAll("svg text")].map(text => text.getBoundingClientRect());
    for (const [i, one] of boxes.entries()) {
      if (one.left < svg.left - 1 || one.right > svg.right + 1 || one.top < svg.top - 1
          || one.bottom > svg.bottom + 1) crossed.push(a.ariaLabel + b.ariaLabel + " edge");
      for (const other of boxes.slice(i + 1))
        if (one.left < other.right && other.left < one.right && one.top < other.bottom
            && other.top < one.bottom) crossed.push(a.ariaLabel + b.ariaLabel);
    }
  };
  press(b, "ArrowLeft", 11); press(b, "ArrowDown", 11);
  press(b, "ArrowRight", at[0] + 5); press(b, "ArrowUp", at[1] + 5);
  press(a, "ArrowLeft", 11); press(a, "ArrowDown", 11);
  let seen = 0;
  for (let row = 0; row < 11; row++) {
    for (let column = 0; column < 11; column++) {
      look();
      seen++;
      press(a, row % 2 ? "ArrowLeft" : "ArrowRight", column < 10 ? 1 : 0);
    }
    press(a, "ArrowUp", 1);
  }
  return [seen, crossed]; }"""


@pytest.mark.parametrize("at", [(3, 0), (1, 1), (5, 0), (0, 5), (5, 5), (-5, -5), (5, -5), (-2, 4)])
def test_no_name_lies_on_another_or_over_the_edge(arrows, at):
    """One arrow walks through the whole plane, the other stands."""
    assert arrows.evaluate(WALK, list(at)) == [121, []]


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_its_text_is_readable_in_both_themes(arrows, page, theme):
    use_theme(page, theme)
    assert pale(arrows.locator(".title, .help, .live b, .live span, button")) == []
    shoot(page, f"arrows-{theme.split()[1].lower()}")
    assert page.outside == []
