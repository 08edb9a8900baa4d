"""Ways from a notebook to its neighbours and to what it cites, added where it is built.

The links are true in a checkout and in a bundle; a learner's copies lie in another order.
"""

import re
from pathlib import Path

from course_lib.notebooks import Cell, read_cells

TAG = "signposts"
PAPER = re.compile(r"(?<![\[/\w])arXiv:(\d{4}\.\d{4,5}|[a-z-]+/\d{7})")
LINK = re.compile(r"\[[^\]]*\]\((?:\S*/)?(\d\d)_\w+\.ipynb\)")
BACK = "[← Back to the chapter](../notebooks/{name}.ipynb)"
FIRST = BACK + ". **Run the next cell first** (Shift+Enter): every answer and every check needs it."


def in_chapter(cells: list[Cell], source: Path) -> list[Cell]:
    """A chapter's cells with links to its exercises and papers, and its neighbours at the end."""
    made = [_linked(cell) for cell in cells]
    pages = sorted(source.parent.glob("[0-9][0-9]_*.py"))
    place = pages.index(source)
    ways = []
    if (source.parents[2] / "solutions" / source.name).exists():
        ways.append(f"[Exercises of this chapter](../exercises/{source.stem}.ipynb)")
    if place:
        ways.insert(0, f"[← {_title(pages[place - 1])}]({pages[place - 1].stem}.ipynb)")
    if place + 1 < len(pages):
        ways.append(f"[{_title(pages[place + 1])} →]({pages[place + 1].stem}.ipynb)")
    return [*made, Cell("markdown", " | ".join(ways), (TAG,))]


def in_exercises(cells: list[Cell], source: Path) -> list[Cell]:
    """An exercise notebook's cells; the first says where to begin, the last where to go on."""
    first, *others = [_linked(cell) for cell in cells]
    begin, ways = FIRST.format(name=source.stem), [BACK.format(name=source.stem)]
    pages = sorted((source.parents[1] / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
    for page in [page for page in pages if page.stem > source.stem][:1]:
        ways.append(f"[{_title(page)} →](../notebooks/{page.stem}.ipynb)")
    last = Cell("markdown", " | ".join(ways), (TAG,))
    return [Cell(first.kind, f"{first.source}\n\n{begin}", first.tags), *others, last]


def only_to(notebook: dict, chapters: set[str]) -> dict:
    """A notebook whose signposts lead to these chapters only."""
    cells = []
    for cell in notebook["cells"]:
        if TAG in cell["metadata"].get("tags", ()):
            ways = "".join(cell["source"]).split(" | ")
            kept = [way for way in ways if (at := LINK.search(way)) and at[1] in chapters]
            cell = cell | {"source": [" | ".join(kept)]}
        cells.append(cell)
    return notebook | {"cells": cells}


def in_work(text: str) -> str:
    """A notebook's text with its links true in `work/`: exercises below the chapters."""
    return text.replace("](../exercises/", "](exercises/").replace("](../notebooks/", "](../")


def _linked(cell: Cell) -> Cell:
    if cell.kind != "markdown":
        return cell
    text = PAPER.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", cell.source)
    return Cell(cell.kind, text.replace("](exercises/", "](../exercises/"), cell.tags)


def _title(page: Path) -> str:
    return read_cells(page)[0].source.splitlines()[0].lstrip("# ")
