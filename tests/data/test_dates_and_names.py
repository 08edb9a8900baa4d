"""Real dates and names: unambiguous, clean, and dealt out without an overlap."""

from datetime import date

import pytest

from course_lib.data import names as module
from course_lib.data.corpora import MissingData
from course_lib.data.dates import (
    AMBIGUOUS,
    KINDS,
    LOCALES,
    STYLES,
    all_days,
    date_pairs,
    fields,
    format_date,
    spelled,
)
from course_lib.data.names import arabic_names, names_by_country
from course_lib.data.splits import split


def test_days_as_they_are_written():
    day = date(2019, 2, 5)
    assert spelled(day, "en_US", "short") == "2/5/19"
    assert spelled(day, "en_GB", "full") == "Tuesday, 5 February 2019"
    assert spelled(day, "de", "full") == "Dienstag, 5. Februar 2019"
    assert spelled(day, "fr", "long") == "5 février 2019"
    assert spelled(day, "ja", "long") == "2019年2月5日"
    assert len(KINDS) == 58 and len(all_days()) == 36_525


def test_no_string_means_two_days_and_the_kinds_left_out_would():
    days = [day for day in all_days() if day.year in (1985, 2003, 2011)]
    means: dict[str, date] = {}
    for kind in KINDS:
        for day in days:
            assert means.setdefault(spelled(day, *kind), day) == day
    for locale, style in AMBIGUOUS:
        assert any(means.get(format_date(d, style, locale=locale), d) != d for d in days)
    assert set(KINDS) | AMBIGUOUS == {(i, s) for i in LOCALES for s in STYLES}


def test_what_each_character_of_a_date_belongs_to():
    day = date(2019, 2, 5)
    assert fields(day, "en_US", "short") == "M.d.yy"
    assert fields(day, "de", "full") == "." * 10 + "d..MMMMMMM.yyyy"
    assert fields(day, "fr", "long") == "d.MMMMMMM.yyyy"
    assert fields(day, "ja", "long") == "yyyy.M.d."
    for kind in KINDS:
        for day in (date(1951, 1, 31), date(2048, 12, 3)):
            text, told = spelled(day, *kind), fields(day, *kind)
            parts = {p: "".join(c for c, f in zip(text, told, strict=True) if f == p) for p in "yd"}
            assert int(parts["y"]) % 100 == day.year % 100 and int(parts["d"]) == day.day, text
            assert "M" in told
    with pytest.raises(ValueError, match="es short is none of the 58 kinds"):
        fields(day, "es", "short")


def test_pairs_of_dates():
    days = all_days()[:50]
    pairs = date_pairs(days, 300, seed=3)
    assert pairs == date_pairs(days, 300, seed=3) != date_pairs(days, 300, seed=4)
    assert {iso for _, iso in pairs} <= {day.isoformat() for day in days}
    assert len({source for source, _ in pairs}) > 200
    assert date_pairs([], 0) == []
    with pytest.raises(ValueError, match="can't draw 3 pairs from no day"):
        date_pairs([], 3)
    with pytest.raises(ValueError, match="days are 1950-01-01 to 2049-12-31, got 1949-12-31"):
        date_pairs([date(1949, 12, 31)], 1)
    with pytest.raises(ValueError, match="es short is none of the 58 kinds"):
        spelled(days[0], "es", "short")


def test_names_and_their_spellings():
    names = arabic_names()
    assert len(names) > 25_000 and list(names) == sorted(names)
    assert names["اديب"][:2] == ("Adib", "Adeeb") and names["ادوارد"][0] == "Edward"
    for arabic, spellings in names.items():
        assert arabic.isalpha() or "\u06d4" in arabic, arabic
        assert spellings and len(set(spellings)) == len(spellings)
        assert all(each.isascii() for each in spellings)
    assert sum(len(spellings) > 1 for spellings in names.values()) > 8_000


def test_names_by_country_add_up():
    names, countries = (
        names_by_country(),
        {c for there in names_by_country().values() for c in there},
    )
    assert list(names) == list(arabic_names()) and len(countries) == 25
    assert all(len(country) == 2 and country.isupper() for country in countries)
    assert names["يوسف"]["DZ"]["Youcef"] > names["يوسف"]["DZ"]["Yusuf"]
    for name, there in names.items():
        assert list(there) == sorted(there)
        assert {each for counted in there.values() for each in counted} == {*arabic_names()[name]}
        assert min(min(counted.values()) for counted in there.values()) > 0


def test_missing_names_say_what_installs_them(monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    with pytest.raises(MissingData, match="no-such-package is not installed"):
        names_by_country.__wrapped__()


def test_a_split_shares_nothing_and_loses_nothing():
    train, dev, test = split([*range(50), *range(20)], dev=7, test=11, seed=1)
    assert sorted([*train, *dev, *test]) == list(range(50))
    assert (len(dev), len(test)) == (7, 11)
    assert split(range(50), 7, 11, seed=1).test == split(range(50), 7, 11, seed=1).test
    assert split(range(50), 7, 11, seed=1).test != split(range(50), 7, 11, seed=2).test
    assert dev != sorted(dev)


@pytest.mark.parametrize(("dev", "test"), [(3, 7), (-1, 2), (0, -1), (20, 0)])
def test_a_split_that_leaves_nothing_is_refused(dev, test):
    with pytest.raises(ValueError, match=f"of 10 different items dev={dev} and test={test}"):
        split(range(10), dev, test)
