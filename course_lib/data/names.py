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
ROWS = "SELECT arabic_key, country, latin, count FROM units WHERE source = 'wikidata'"


@cache
def names_by_country() -> dict[str, dict[str, Counter[str]]]:
    """Return how often each name of one word is spelled which way in which country.

        {"اديب": {"EG": {"Adib": 3, "Adeeb": 2}, ...}, ...}

    Countries are two letters (ISO 3166); each row has one. Names and countries are sorted.
    Raises `MissingData` when the package is not installed.
    """
    path = package_folder(PACKAGE, MissingData) / "resources" / "names.sqlite3"
    found: defaultdict[str, defaultdict[str, Counter[str]]]
    found = defaultdict(lambda: defaultdict(Counter))
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        for arabic, country, latin, count in database.execute(ROWS):
            if ARABIC.fullmatch(arabic) and LATIN.fullmatch(latin):
                found[arabic][country][latin] += count
    finally:
        database.close()
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


@cache
def arabic_names() -> dict[str, tuple[str, ...]]:
    """Return every name of one word with its spellings in Latin letters, the commonest first.

    Raises `MissingData` when the package is not installed.
    """
    counted = names_by_country().items()
    return {name: tuple(_ordered(sum(there.values(), Counter()))) for name, there in counted}


def _ordered(spellings: Counter[str]) -> list[str]:
    return sorted(spellings, key=lambda each: (-spellings[each], each))
