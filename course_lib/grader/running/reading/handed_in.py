"""What a student handed in, as cells: notebooks and scripts, recognised by what they hold.

Reading costs little for what a notebook shows: outputs and attachments are left out before anything
looks at them. The bytes come from anywhere, so this is meant to run in a process with limits.
"""

import json
import re
from dataclasses import replace

from course_lib.notebooks import LONGEST, Cell, tree_of

from .kinds import HAND_IN, decoded, not_text
from .marimo import marimo_cells
from .markdown import has_fences, markdown_cells
from .scripts import has_cells, kind_of, script_cells, tags_in

MAX_FILE = 64 << 20  # bytes, with what a notebook shows
MAX_CODE = 256 << 10  # bytes of code
MAX_CODE_CELLS, MAX_CELLS = 500, 5_000  # of code; of any kind
MAX_RAN = 1_000_000  # cells that a session ran
CONFLICT = re.compile(r"^[ \t]*<{7} ", re.MULTILINE)
SCRIPT = re.compile(r"\.py(?![a-z])", re.IGNORECASE)
PYTHON = re.compile(r"^(?:import \w+$|from [\w.]+ import|def \w+\(|class \w+[(:])", re.MULTILINE)


def cells_in(data: bytes, name: str) -> list[Cell]:
    """Markdown and code cells of a notebook or script; its name helps only where nothing else does.

    Raises ValueError that says what it is instead, or what about it is too large.
    """
    if len(data) > MAX_FILE:
        raise ValueError(f"{len(data) / 2**20:.1f} MiB; at most {MAX_FILE >> 20} are read")
    if told := not_text(data):
        raise ValueError(f"not a notebook: {told}; {HAND_IN}")
    text = decoded(data)
    try:
        found = _json(text, name)
        cells = _script(text, name) if found is None else _notebook(found)
    except ValueError:
        raise
    except Exception as error:  # such as RecursionError: the file can be broken in any way
        raise ValueError(f"a broken notebook ({type(error).__name__}: {error})") from error
    clean = (replace(c, source=_clean(c.source), tags=tuple(map(_clean, c.tags))) for c in cells)
    return _bounded(list(clean))


def _json(text: str, name: str) -> dict | None:
    """What a notebook's JSON holds; None for what is none. Raises ValueError for a broken one."""
    text = _unwrapped(text)
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text, strict=False)
    except ValueError as error:
        if '"cells"' not in text and SCRIPT.search(name):
            return None
        if conflict := CONFLICT.search(text):
            line = text.count("\n", 0, conflict.start()) + 1
            told = f"line {line} holds merge-conflict markers of git"
        elif text.rstrip()[-1] != "}" or getattr(error, "pos", 0) >= len(text.rstrip()):
            told = "it ends in the middle, as when an upload is cut short"
        else:
            told = str(error)
        raise ValueError(f"a broken notebook: {told}") from error
    if isinstance(found.get("cells", found.get("worksheets")), list):
        return found
    raise ValueError(f"not a notebook: JSON without cells; {HAND_IN}")


def _unwrapped(text: str) -> str:
    """A notebook that a program wrote as one string, or as the bare list of its cells."""
    while text.lstrip().startswith(('"', "[")):
        try:
            found = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            break
        if isinstance(found, list) and any(isinstance(c, dict) and "source" in c for c in found):
            return json.dumps({"cells": found})
        if not isinstance(found, str):
            break
        text = found
    return text


def _notebook(found: dict) -> list[Cell]:
    """Cells of a notebook of any format: 4 has cells, 3 and 2 have worksheets."""
    try:
        groups = [found] if "cells" in found else found["worksheets"]
        cells = [cell for group in groups for cell in group["cells"]]
        if len(cells) > MAX_CELLS:
            raise ValueError(f"{len(cells):,} cells; at most {MAX_CELLS:,} are read")
        return [_cell(cell) for cell in cells]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("a broken notebook: a cell is not as cells should be") from error


def _cell(cell: dict) -> Cell:
    """A cell of any format with what is read of it. Raises TypeError for no text."""
    kind, level = cell.get("cell_type"), cell.get("level")
    source = cell.get("source", cell.get("input")) or ""
    if not isinstance(source, str):
        source = _joined(list(source))
    if kind == "heading":  # until format 3
        source = f"{'#' * (level if level in range(1, 7) else 1)} {source}"
    ran = cell.get("execution_count", cell.get("prompt_number")) if kind == "code" else 0
    return Cell(kind_of(kind), source, tags_in(cell.get("metadata")), ran=_ran(ran))


def _ran(number: object) -> int:
    return number if isinstance(number, int) and 0 < number <= MAX_RAN else 0


def _joined(lines: list[str]) -> str:
    """The text of a cell. Some programs leave out where each line ends; then Python reads none."""
    text, ended = "".join(lines), "\n".join(lines)
    lost = not any(line.endswith("\n") for line in lines) and tree_of(text) is None
    return ended if lost and tree_of(ended) is not None else text


def _script(text: str, name: str) -> list[Cell]:
    """Cells of a script or of Markdown. Raises ValueError for a text that holds no Python."""
    if cells := marimo_cells(text):
        return cells
    script = SCRIPT.search(name) or has_cells(text) or tree_of(text) is not None
    if not script and has_fences(text):
        return markdown_cells(text, MAX_CODE_CELLS)
    if script or PYTHON.search(text):
        return script_cells(text, MAX_CELLS)
    first = text.strip().split("\n")[0]
    raise ValueError(f"not a notebook: a text that begins with {first[:60]!r}; {HAND_IN}")


def _clean(text: str) -> str:
    """Half of a character that has two parts can stand in JSON, and nowhere else."""
    whole = text.encode("utf-8", errors="replace").decode("utf-8")
    return whole.replace("\r\n", "\n").replace("\r", "\n")


def _bounded(cells: list[Cell]) -> list[Cell]:
    """The cells, without the code of those that are too long for anybody to read.

    Such a cell holds data: a text to train on, pasted in. Raises ValueError for too much code.
    """
    read = [cell for cell in cells if len(cell.source) <= LONGEST]
    if any(cell.kind == "code" and cell.source.strip() for cell in read):
        cells = [_unread(cell) if cell.kind == "code" else cell for cell in cells]
    sizes = [len(cell.source.encode()) for cell in cells if cell.kind == "code"]
    if len(sizes) > MAX_CODE_CELLS:
        raise ValueError(f"{len(sizes):,} code cells; at most {MAX_CODE_CELLS} are read")
    if sum(sizes) > MAX_CODE:
        told = f"{sum(sizes) / 1024:,.0f} KiB of code; at most {MAX_CODE >> 10} KiB are read"
        raise ValueError(f"{told} (the longest of its cells has {max(sizes) / 1024:,.0f})")
    return cells


def _unread(cell: Cell) -> Cell:
    if len(cell.source) <= LONGEST:
        return cell
    size = len(cell.source.encode()) / 1024
    return replace(cell, source=f"# {size:,.0f} KiB in one cell; at most {LONGEST >> 10} are read")
