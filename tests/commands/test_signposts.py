"""Every link between notebooks leads somewhere: in the checkout, in work/, in a bundle."""

import json
import re
from pathlib import Path

import pytest

from course_lib.commands import signposts
from course_lib.commands.copies import make_copies
from course_lib.commands.release import release
from course_lib.notebooks import Cell, read_cells
from course_lib.paths import ROOT

LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


def dead_links(folder: Path) -> list[str]:
    found = [p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts]
    assert found
    prose = [(p, c.source) for p in found for c in read_cells(p) if c.kind == "markdown"]
    links = [(p, link) for p, text in prose for link in LINK.findall(text)]
    return [f"{p.name}: {link}" for p, link in links if not (p.parent / link).exists()]


@pytest.mark.parametrize("folder", ["notebooks", "exercises"])
def test_no_link_in_the_checkout_is_dead(folder):
    assert dead_links(ROOT / folder) == []


def test_no_link_in_a_learners_copies_is_dead(tmp_path):
    make_copies(ROOT, tmp_path)
    assert dead_links(tmp_path) == []


def test_no_link_in_a_bundle_is_dead_though_chapters_are_missing(tmp_path):
    release(tmp_path / "class", {"02", "04"})
    assert dead_links(tmp_path / "class") == []
    make_copies(tmp_path / "class", tmp_path / "work")
    assert dead_links(tmp_path / "work") == []


def test_each_chapter_leads_to_its_neighbours_and_its_exercises():
    pages = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    for number, path in enumerate(pages):
        last = json.loads(path.read_text(encoding="utf-8"))["cells"][-1]
        text = "".join(last["source"])
        around = [p for p in (number - 1, number + 1) if 0 <= p < len(pages)]
        assert all(f"]({pages[p].name})" in text for p in around)
        assert f"](../exercises/{path.name})" in text


def test_an_exercise_notebook_says_where_to_begin():
    for path in (ROOT / "exercises").glob("[0-9][0-9]_*.ipynb"):
        first = read_cells(path)[0].source
        assert "Run the next cell first" in first and f"](../notebooks/{path.name})" in first


def test_an_exercise_notebook_ends_with_the_ways_back_and_on():
    made = sorted((ROOT / "exercises").glob("[0-9][0-9]_*.ipynb"))
    for path, after in zip(made, [*made[1:], None], strict=True):
        last = read_cells(path)[-1].source
        assert last.startswith(f"[← Back to the chapter](../notebooks/{path.name})")
        assert after is None or f" →](../notebooks/{after.name})" in last


def test_papers_are_links_and_links_stay_as_they_are():
    text = "arXiv:1706.03762, [arXiv:1409.0473](https://arxiv.org/abs/1409.0473), arXiv:cs/0309048."
    cells = [Cell("markdown", text, ()), Cell("code", text, ())]
    made = signposts.in_exercises(cells, ROOT / "solutions" / "02_attention.py")
    assert made[0].source.startswith(
        "[arXiv:1706.03762](https://arxiv.org/abs/1706.03762), "
        "[arXiv:1409.0473](https://arxiv.org/abs/1409.0473), "
        "[arXiv:cs/0309048](https://arxiv.org/abs/cs/0309048)."
    )
    assert made[1].source == text


def test_below_the_map_each_box_leads_to_its_chapter():
    cells = read_cells(ROOT / "notebooks" / "00_start_here.ipynb")
    drawn = next(i for i, cell in enumerate(cells) if "transformer_map(here" in cell.source)
    pages = {path.name for path in (ROOT / "notebooks").glob("0[2-9]_*.ipynb")}
    assert set(LINK.findall(cells[drawn + 1].source)) == pages
