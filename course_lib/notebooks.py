"""Percent sources and notebooks: read either as cells, take the answers out or leave them in.

In a solved exercise, text between `# BEGIN SOLUTION` and `# END SOLUTION` becomes a line that
raises NotImplementedError. Commented text between `# BEGIN STUB` and `# END STUB` is what the
learner sees instead.
"""

import ast
import json
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

LONGEST = 64 << 10  # characters of a text that is parsed; the longest cell of the course has 2,000
YOUR_TURN = 'raise NotImplementedError("your turn")'
_CELL = re.compile(
    r"^# %%( \[markdown\])?(?: tags=\[(.*)\])?( jupyter=\{\"source_hidden\": true\})?$"
)
_MARK = re.compile(r"^(\s*)# (BEGIN|END) (SOLUTION|STUB)\s*$")


@dataclass(frozen=True)
class Cell:
    """One cell: `kind` is "markdown" or "code"; one that is `folded` shows what it does only.

    `ran` is the number that a notebook gave it when it ran, 0 where that isn't known.
    """

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    folded: bool = False
    ran: int = 0


def read_cells(path: Path) -> list[Cell]:
    """Cells of a notebook (`.ipynb`) or of a percent script (`.py`).

    Raises ValueError, naming the file, when it can't be read as what its name says.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return read_notebook(text) if path.suffix == ".ipynb" else read_percent(text)
    except Exception as error:  # a submitted file can be broken in any way
        told = str(error).splitlines()[0]
        raise ValueError(f"{path}: not a readable notebook ({told})") from error


def read_notebook(text: str) -> list[Cell]:
    """Cells of a notebook's JSON, without its outputs."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("nbformat") != 4:
        import nbformat  # today's format can do without, and it takes seconds to import

        found = nbformat.reads(text, as_version=4)
    return [_cell(**cell) for cell in found["cells"]]


def _cell(cell_type: str, source: str | list[str], metadata: dict | None = None, **_) -> Cell:
    lines = [source] if isinstance(source, str) else source
    if not all(isinstance(line, str) for line in lines):
        raise ValueError("a cell holds no text")
    tags = (metadata or {}).get("tags", ())
    return Cell(cell_type, "".join(lines), tuple(tag for tag in tags if isinstance(tag, str)))


def cleared(notebook: dict) -> dict:
    """A notebook as before its first run: no outputs, no numbers."""
    blank = {"outputs": [], "execution_count": None}
    cells = [c | blank if c["cell_type"] == "code" else c for c in notebook["cells"]]
    return notebook | {"cells": cells}


def text_of(notebook: dict) -> str:
    """A notebook as a file. The same notebook gives the same text."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree of a source text; None where Python can't read it, for whatever reason.

    So it is for a text of more than LONGEST characters. What Python 3.11 spends on one f-string or
    dotted import grows with the square of its length: at 250,000, 3.6 s or 15 GiB of memory.
    """
    if len(source) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" is its author's affair, not the reader's
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def definition(source: str, name: str) -> str:
    """The definition of `name` in a source text, in a form that ignores layout and comments."""
    tree = tree_of(textwrap.dedent(source)) if name in source else None
    if tree is None:
        return ""
    kinds = ast.FunctionDef | ast.ClassDef
    found = [n for n in tree.body if isinstance(n, kinds) and n.name == name]
    try:
        return ast.dump(found[-1]) if found else ""
    except (RecursionError, ValueError):  # or a whole number of thousands of digits
        return f"{name}, too deep"


def read_percent(text: str) -> list[Cell]:
    """Cells of a percent script; the header before the first `# %%` is left out."""
    cells: list[Cell] = []
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("# %%"):
            _close(cells, lines)
            cells.append(_opened(line))
            lines = []
        else:
            lines.append(line)
    _close(cells, lines)
    return cells


def _opened(line: str) -> Cell:
    match = _CELL.match(line.rstrip())
    if not match:
        raise ValueError(f"can't read the cell header {line!r}")
    tags = tuple(re.findall(r'"([^"]+)"', match[2] or ""))
    return Cell("markdown" if match[1] else "code", "", tags, bool(match[3]))


def _close(cells: list[Cell], lines: list[str]) -> None:
    if not cells:
        return
    if cells[-1].kind == "markdown":
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    cells[-1] = replace(cells[-1], source="\n".join(lines).strip("\n"))


def without_solution(source: str) -> str:
    """The cell as a learner gets it. Raises ValueError for unpaired or nested markers."""
    kept: list[str] = []
    regions = list(_regions(source))
    for i, (region, lines, indent) in enumerate(regions):
        if region == "STUB":
            kept += [re.sub(r"^(\s*)# ?", r"\1", line).rstrip() for line in lines]
        elif region == "SOLUTION":
            if not any(later == "STUB" for later, _, _ in regions[i + 1 : i + 2]):
                kept.append(indent + YOUR_TURN)
        else:
            kept += lines
    return "\n".join(kept)


def with_solution(source: str) -> str:
    """The cell with its answer in place and the markers gone."""
    return "\n".join(
        line for region, lines, _ in _regions(source) if region != "STUB" for line in lines
    )


def _regions(source: str) -> Iterator[tuple[str, list[str], str]]:
    """Cut a cell into (region, lines, indent of its marker); the region of plain text is ""."""
    region, lines, indent = "", [], ""
    for number, line in enumerate(source.splitlines(), 1):
        mark = _MARK.match(line)
        if not mark:
            lines.append(line)
            continue
        opens, name = mark[2] == "BEGIN", mark[3]
        if opens == bool(region) or (not opens and name != region):
            raise ValueError(f"line {number}: unpaired or nested marker {line.strip()!r}")
        if region or lines:
            yield region, lines, indent
        region, lines, indent = (name if opens else ""), [], mark[1]
    if region:
        raise ValueError(f"# BEGIN {region} has no # END {region}")
    if lines:
        yield region, lines, indent
