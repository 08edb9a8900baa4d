"""The glossary: the words that close each chapter, gathered on one page."""

import re
from pathlib import Path

from course_lib.notebooks import read_cells

LINE = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.MULTILINE)
INTRODUCTION = """# Glossary

The words that close each chapter, in the order of the alphabet; the number is the chapter that says
what the word is. Symbols and names of variables are in [notation.md](notation.md).
"""


def glossary(source: Path) -> dict[str, str]:
    """What a chapter's closing list says of each of its words."""
    prose = "\n\n".join(c.source for c in read_cells(source) if c.kind == "markdown")
    return dict(match.groups() for match in LINE.finditer(prose.partition("\n## Glossary\n")[2]))


def page(sources: list[Path]) -> str:
    """All chapters' words as Markdown."""
    found = [(word, told, source) for source in sources for word, told in glossary(source).items()]
    lines = [
        f"- **{word}** ([{source.name[:2]}](../notebooks/{source.stem}.ipynb)): {told}"
        for word, told, source in sorted(found, key=lambda entry: _letters(entry[0]))
    ]
    return INTRODUCTION + "\n" + "\n".join(lines) + "\n"


def _letters(word: str) -> str:
    return re.sub(r"\W", "", word).lower()
