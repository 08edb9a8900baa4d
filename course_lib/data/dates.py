"""Days as people write them, in fourteen languages: real formats, from the data of Babel (BSD)."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from babel.dates import DateTimeFormat, format_date, get_date_format

LOCALES = (
    *("en_US", "en_GB", "de", "fr", "es", "it", "pt", "nl"),
    *("sv", "pl", "cs", "ru", "tr", "fi", "ja"),
)
STYLES = ("full", "long", "medium", "short")
# 3/2/19 is a day of March in America: these would be read as another day's.
AMBIGUOUS = {("es", "short"), ("it", "short")}
KINDS = tuple((i, s) for i in LOCALES for s in STYLES if (i, s) not in AMBIGUOUS)
FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)  # so that two digits tell the year


def all_days() -> list[date]:
    """Every day that the course writes, in order: a hundred years."""
    return [FIRST + timedelta(days) for days in range((LAST - FIRST).days + 1)]


def spelled(day: date, locale: str, style: str) -> str:
    """A day as it is written there: "5 février 2019", "2/5/19", "2019年2月5日".

    Raises `ValueError` for a kind that is none of `KINDS`, and a day whose year two digits don't
    tell.
    """
    if not FIRST <= day <= LAST:
        raise ValueError(f"days are {FIRST} to {LAST}, got {day}")
    if (locale, style) not in KINDS:
        raise ValueError(f"{locale} {style} is none of the {len(KINDS)} kinds of date")
    return format_date(day, style, locale=locale)


def fields(day: date, locale: str, style: str) -> str:
    """What each character of `spelled(…)` belongs to: "y", "M", "d", or "." for none of these.

        2/5/19 -> M.d.yy

    Raises `ValueError` as `spelled` does.
    """
    text, told, found = spelled(day, locale, style), DateTimeFormat(day, locale), ""
    pattern = get_date_format(style, locale).format
    for between, field in re.findall(r"([^%]+)|%\((\w+)\)s", pattern):
        name = field[:1].replace("L", "M")  # the month as it stands alone
        found += (name if name and name in "yMd" else ".") * len(between or told[field])
    assert len(found) == len(text), (text, found)
    return found


def date_pairs(days: Sequence[date], count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return `count` pairs (as it is written somewhere, 2019-02-05) of random days and kinds.

    Raises `ValueError` when there is no day to draw from.
    """
    if count and not days:
        raise ValueError(f"can't draw {count} pairs from no day")
    draw = Random(seed)
    drawn = [(draw.choice(days), *draw.choice(KINDS)) for _ in range(count)]
    return [(spelled(day, locale, style), day.isoformat()) for day, locale, style in drawn]
