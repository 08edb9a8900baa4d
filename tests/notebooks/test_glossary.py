"""Each chapter closes with twelve words, its own, and no earlier chapter uses one of them."""

import re

import pytest

from course_lib.commands.words import glossary
from course_lib.notebooks import read_cells
from course_lib.paths import ROOT

SOURCES = sorted((ROOT / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
ENDS = re.compile(r"(?<=[.?!:|])\s+|\n\n|\n[#*-]+ |\n\|")
LATER = re.compile(r"\bchapters? \d\d|\]\(\d\d_|\b(?:and|to) \d\d\b|^\W*\d\d\b", re.IGNORECASE)
# Words of every day, used in that sense before; the subject; a symbol of docs/notation.md.
EVERYDAY = {"attention", "key", "value", "head", "block", "mask", "score", "seed", "d_head"}


def prose(source):
    return "\n\n".join(cell.source for cell in read_cells(source) if cell.kind == "markdown")


def sentences(source):
    """A page's sentences without its code, its formulas and its list of papers."""
    text = prose(source).partition("## Further reading")[0]
    return ENDS.split(re.sub(r"`[^`]*`|\$[^$]*\$", " ", text))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_closes_with_twelve_words(source):
    _, _, closing = prose(source).partition("\n## Glossary\n")
    words = glossary(source)
    assert len(words) == 12 == closing.count("\n- ") and "##" not in closing
    for word, told in words.items():
        assert 20 <= len(told) <= 160 and told.endswith("."), word


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_word_of_the_glossary_is_bold_where_the_page_says_what_it_is(source):
    text = prose(source).partition("## Glossary")[0]
    bold = " ".join(" ".join(re.findall(r"\*\*([^*]+)\*\*", text)).lower().split())
    missing = [word for word in glossary(source) if word.lower().strip("[]") not in bold]
    assert missing == []


def test_a_word_belongs_to_one_chapter():
    words = [word.lower() for source in SOURCES for word in glossary(source)]
    assert sorted(set(words)) == sorted(words)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_word_is_used_before_the_chapter_that_says_what_it_is(source):
    later = [other for other in SOURCES if other.stem > source.stem]
    words = {word for other in later for word in glossary(other)} - EVERYDAY
    early = {}
    for word in words:
        whole = re.compile(rf"(?<![\w–-]){re.escape(word)}(?:s|es)?(?![\w–-])", re.IGNORECASE)
        used = [s for s in sentences(source) if whole.search(s) and not LATER.search(s)]
        if used:
            early[word] = " ".join(used[0].split())
    assert early == {}
