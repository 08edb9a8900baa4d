"""The formats of an export by name.

Each makes a text from a `Marks` and, where the system has one, a roster; and notes for the person
who exports, such as the students that the roster doesn't know.
"""

from collections.abc import Callable

from . import canvas, generic, gradescope, moodle, nbgrader
from .marks import Marks
from .roster import Roster

TEXTS: dict[str, Callable[[Marks, Roster | None], tuple[str, list[str]]]] = {
    "csv": generic.text,
    "canvas": canvas.text,
    "moodle": moodle.text,
    "nbgrader": nbgrader.text,
    "gradescope": gradescope.text,
}
