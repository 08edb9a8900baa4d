"""What students handed in that nothing was taken from: files and cells, in words."""

from collections.abc import Sequence

from ..course.finding.candidates import cut
from ..course.finding.work import Unused

MOST, LONGEST = 50, 1_000  # files told of one student, and letters of what is said of a file


def listed(files: Sequence[Unused]) -> list[list[str]]:
    """Files and why they are not used, as each of a student's lines keeps them.

    All of many thousand letters would be as much for everybody who reads about the class.
    """
    told = [[cut(file.label), file.reason[:LONGEST]] for file in files[:MOST]]
    more = [[f"{len(files) - MOST:,} more", "not listed"]] if files[MOST:] else []
    return told + more


def in_common(rows: Sequence[dict]) -> dict[str, list[str]]:
    """By file, the cells that none of its lines needs: it may hold several chapters' answers."""
    left: dict[str, list[str]] = {}
    for row in rows:
        if file := row.get("file"):
            own = dict.fromkeys(row.get("cells_not_used", ()))
            left[file] = [cell for cell in left.get(file, own) if cell in own]
    return left


def unused(rows: list[dict]) -> list[str]:
    """The files and cells of a student's lines that no answer needs."""
    used = {row.get("file") for row in rows}
    files = [tuple(each) for row in rows for each in row.get("files_not_used", ())]
    told = [f"`{label}`: {reason}" for label, reason in dict.fromkeys(files) if label not in used]
    cells = in_common(rows).items()
    return told + [f"of `{file}`, {'; '.join(left)}" for file, left in cells if left]
