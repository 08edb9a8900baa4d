"""Arabic names and how they are written in Latin letters, from `arabic-name-romanizer` (MIT).

The rows are Wikidata's (CC0). Short vowels are not written in Arabic, so one name has several
spellings, and which one is a guess.
"""

import re
import sqlite3
from collections import Counter, defaultdict
from functools import cache

from course_lib.data.corpora import MissingData
from course_lib.pretrained.packages import package_folder

PACKAGE = "arabic_name_romanizer"
ARABIC, LATIN = re.compile(r"[\u0600-\u06ff]+"), re.compile(r"[A-Za-z]+(?:[-' ][A-Za-z]+)*")
ROWS = "SELECT arabic_key, latin, count FROM units WHERE source = 'wikidata'"


@cache
def arabic_names() -> dict[str, tuple[str, ...]]:
    """Return every name of one word with its spellings in Latin letters, the commonest first.

    Raises `MissingData` when the package is not installed.
    """
    path = package_folder(PACKAGE, MissingData) / "resources" / "names.sqlite3"
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        for arabic, latin, count in database.execute(ROWS):
            if ARABIC.fullmatch(arabic) and LATIN.fullmatch(latin):
                found[arabic][latin] += count
    finally:
        database.close()
    return {name: tuple(_ordered(found[name])) for name in sorted(found)}


def _ordered(spellings: Counter[str]) -> list[str]:
    return sorted(spellings, key=lambda each: (-spellings[each], each))
