"""A text in pieces across which no token goes: words with the space before them."""

from functools import cache

import regex

PATTERN = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def words(text: str) -> list[str]:
    """Cut a text into words, numbers, runs of signs and of spaces; together they are the text.

    A single space belongs to the word after it: " the" is one piece.

    Source: Radford et al. 2019, section 2.2 (GPT-2), by the pattern of its published code.
    """
    return _compiled().findall(text)


@cache
def _compiled() -> regex.Pattern:
    return regex.compile(PATTERN)
