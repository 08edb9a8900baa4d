"""`--chapters`: one way to name chapters, for every command that takes some."""

import re
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence

OPTION = "--chapters"
HOW = "such as 02, 00,02-05 or '02 04'"
PART = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?")
LIKE_CHAPTERS = re.compile(r"\d{1,2}([,–-]+\d{1,2})*[,–-]*|[–-]")


def add_option(parser: ArgumentParser, otherwise: str) -> None:
    """The option, with what a command takes when it is left out."""
    parser.add_argument(OPTION, help=f"{HOW}; {otherwise} when left out")


def chosen(text: str, there: Iterable[str]) -> tuple[str, ...]:
    """The chapters that a text names, of those there are, in order.

    Raises ValueError for chapters that are not there, for ranges that run backwards and for text
    that names none.
    """
    there = sorted(there)
    found: set[str] = set()
    for part in re.sub(r"\s*[-–]\s*", "-", text.strip()).replace(",", " ").split():
        match = PART.fullmatch(part)
        if not match:
            raise ValueError(f"{OPTION} {text!r}: {part!r} is no chapter; write them {HOW}")
        first, last = match[1].zfill(2), (match[2] or match[1]).zfill(2)
        if missing := [number for number in (first, last) if number not in there]:
            raise ValueError(f"no chapter {missing[0]!r}; there are: {', '.join(there)}")
        if first > last:
            raise ValueError(f"{OPTION} {text!r}: {part!r} runs backwards")
        found |= {number for number in there if first <= number <= last}
    if not found:
        raise ValueError(f"{OPTION} {text!r} names no chapter; there are: {', '.join(there)}")
    return tuple(sorted(found))


def joined(arguments: Sequence[str]) -> list[str]:
    """A command line in which `--chapters 02 04` is one value, wherever it stands.

    argparse would take the second number for something else, or a folder for a chapter.
    """
    out: list[str] = []
    for word in arguments:
        if len(out) > 1 and out[-2] == OPTION and LIKE_CHAPTERS.fullmatch(word):
            out[-1] += f" {word}"
        else:
            out.append(word)
    return out
