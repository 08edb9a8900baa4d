"""What of a notebook's session an answer is made of, as grading would take it."""

import sys
from pathlib import Path

from course_lib.notebooks import Cell

from ..running.reading.plain import plain_cells
from ..running.slicing.checks import named_answers
from ..running.slicing.notebook import Notebook
from ..running.slicing.slices import slices
from .setup import provided

LAST = 400  # cells that ran, looked at


def source_of(root: Path, id: str, name: str) -> str:
    """The source of an answer and of what it needs, from the cells that ran; "" without a session.

    A check sees what stands above it. So the last definition counts, however often a cell ran.
    """
    interactive = sys.modules.get("IPython")
    shell = interactive and interactive.get_ipython()
    history = getattr(shell, "history_manager", None)
    if not history:
        return ""
    # IPython has made plain Python of them but for cell magics, which hold theirs as a text.
    both = zip(history.input_hist_raw, history.input_hist_parsed, strict=False)
    ran = [raw if raw.lstrip().startswith("%%") else parsed for raw, parsed in both][-LAST:]
    try:
        cells = plain_cells([Cell("code", source) for source in ran])
        cells = named_answers(cells, {id: name})
        made = slices(Notebook(cells, provided(root, id[:2])), id, name)
    except RecursionError:  # some cell is too deep
        return ""
    return made[0].source if made else ""
