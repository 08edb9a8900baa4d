"""CSV that a spreadsheet can open without running what somebody put into a name."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
# A minus alone computes nothing: it is Moodle's word for no grade.
FORMULA = re.compile(r"\s*([=+@]|-\s*\S)|[\t\r]")
# A login such as @ada or +49-30: it must come back as it was, and no spreadsheet computes with it.
PLAIN_ID = re.compile(r"[+\-@][\w.@+ -]*")


def escaped(cell: str, *, id: bool = False) -> str:
    """The cell, with a quote in front where a spreadsheet would take it for a formula.

    Real numbers stay, and so does an `id` that a formula can't be.
    """
    if NUMBER.fullmatch(cell) or (id and PLAIN_ID.fullmatch(cell)):
        return cell
    return "'" + cell if FORMULA.match(cell) else cell


def written(lines: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    """Lines as CSV. Cells are escaped by whoever knows what they are."""
    out = io.StringIO()
    # Python quotes what ends its lines, and a spreadsheet ends one at a lone \r too: the rest of
    # a cell would begin a line of its own, formula and all.
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    return "".join(_line(writer, out, line) for line in lines)


def _line(writer: Any, out: io.StringIO, line: Sequence[str]) -> str:
    out.seek(0)
    out.truncate()
    writer.writerow(line)
    return out.getvalue().removesuffix("\r\n") + "\n"


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A header and lines as CSV, every cell escaped."""
    return written([[escaped(cell) for cell in line] for line in [header, *lines]])
