"""A list of students that a learning platform wrote: read, filled with points, given back."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .cells import escaped, written
from .headers import in_english

BOM = "\ufeff"
SAID = re.compile(r"sep=([,;\t])\r?\n", re.IGNORECASE)
KEEP = ("EX", "N/A")  # Canvas's words for excused, and for not asked of this student


class RosterError(ValueError):
    """A roster that can't be read, or that lacks what identifies a student."""


@dataclass(frozen=True)
class Roster:
    """A table as it was in the file, so that it can be written the same way again.

    `before` goes in front of the header, and `numbers` say in which line of the file each line is.
    """

    name: str
    header: list[str]
    lines: list[list[str]]
    delimiter: str = ","
    before: str = ""
    encoding: str = "UTF-8"
    numbers: tuple[int, ...] = ()

    def place(self, *names: str) -> int | None:
        """Where the first of these columns is; case, spaces around and language don't matter."""
        there = self._english
        return next((there.index(n.casefold()) for n in names if n.casefold() in there), None)

    def where(self, line: int) -> str:
        """The file and the line in it, as an error names them."""
        return f"{self.name}, line {self.numbers[line]}" if self.numbers else self.name

    @cached_property
    def _english(self) -> list[str]:
        return in_english(self.header, self.lines)

    def filled(
        self,
        columns: dict[str, int],
        cells: Callable[[int], dict[str, str]],
        ids: Sequence[str],
    ) -> str:
        """The table with points in the columns of these names, added at the end where new.

        `cells` gives the points for a line by its number. Cells of columns named in `ids` stay as
        they are; words such as EX do too.
        """
        header, lines = [*self.header], [[*line] for line in self.lines]
        for name in columns:
            place = next((i for i, cell in enumerate(header) if bare(cell) == name.casefold()), -1)
            if place < 0:
                place = len(header)
                header.append(name)
            for i, line in enumerate(lines):
                line += [""] * (len(header) - len(line))
                value = cells(i).get(name, "")
                if value and line[place].strip() not in KEEP:
                    line[place] = value
        same = [name.strip() in ids for name in header]
        rows = [
            [escaped(cell, id=id) for cell, id in zip(line, same, strict=True)]
            for line in [header, *lines]
        ]
        return self.before + written(rows, self.delimiter)


def bare(header: str) -> str:
    """A column's name without the number that Canvas puts behind it: `Chapter 02 (4711)`."""
    return re.sub(r"\s*\(\d+\)$", "", header.strip()).casefold()


def load_roster(path: Path) -> Roster:
    """Read a CSV with commas, semicolons or tabs, as platforms and spreadsheets write them.

    Raises RosterError, naming the file and the line.
    """
    text, encoding = text_of(path)
    before = BOM if text.startswith(BOM) else ""
    text = text.lstrip(BOM)
    said = SAID.match(text)  # a spreadsheet's word on what separates cells
    before += said[0] if said else ""
    text = text.removeprefix(said[0]) if said else text
    delimiter = said[1] if said else _delimiter(text)
    (_, header), *rows = list(_rows(path, text, delimiter, 2 if said else 1)) or [(1, [])]
    if not any(cell.strip() for cell in header):
        raise RosterError(f"{path}: the first line must name the columns")
    width, body, numbers = len(header), [], []
    for number, row in rows:
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) > width:
            raise RosterError(f"{path}, line {number}: more cells than the first line has")
        if any(row):
            body.append(row + [""] * (width - len(row)))
            numbers.append(number)
    return Roster(path.name, header, body, delimiter, before, encoding, tuple(numbers))


def _delimiter(text: str) -> str:
    """What gives the most lines as many cells as the first one has, and then the most cells."""

    def score(delimiter: str) -> tuple[bool, int, int]:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error:
            return False, 0, 0
        widths = [len(row) for row in rows if row] or [0]
        return widths[0] > 1, widths.count(widths[0]), widths[0]

    return max(",;\t", key=score)


def _rows(path: Path, text: str, delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Every row with the line of the file where it begins."""
    reader, last, number = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 0, first
    try:
        for row in reader:
            yield number, row
            last, number = number, first + reader.line_num
        if _is_open(text, delimiter):
            raise csv.Error("a quote is opened and never closed")
    except csv.Error as error:
        told = f"{path}, line {last or number}: not a readable CSV file ({error})"
        raise RosterError(told) from error


def _is_open(text: str, delimiter: str) -> bool:
    """Is a quote never closed? Python then takes the rest of the file for one cell."""
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def text_of(path: Path) -> tuple[str, str]:
    """A file's text, and the encoding that it was read in. Raises RosterError, naming the file."""
    try:
        data = path.read_bytes()
        if data.startswith(b"PK"):
            raise ValueError("it is a workbook or an archive: save the list as CSV")
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        for encoding in ("UTF-16",) if wide else ("UTF-8", "Windows-1252"):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError as error:
                trouble: ValueError = error
                continue
            if "\0" in text:
                raise ValueError("it is no text")
            # Excel needs the mark to see that what goes back is in UTF-8.
            return (BOM if wide else "") + text, encoding
        raise trouble
    except (OSError, ValueError) as error:
        raise RosterError(f"{path}: not a readable list of students ({error})") from error
