"""Rules of a class: what they say, what they refuse, and what points come to."""

import pytest

from course_lib.grader.book.rules import Rules, RulesError, keep_rules, load_rules, rules_of
from course_lib.grader.book.totals import number, total

LATE = """
[late]
deadline = 2026-12-01T23:59:00Z
per_day = 0.1
max_days = 5
[late.chapters]
"05" = 2026-12-08T23:59:00Z
"""


def rules(tmp_path, text):
    path = tmp_path / "my_rules.toml"
    path.write_text(text)
    return load_rules(path)


def rows(*marks, submitted=None):
    """Lines from (exercise, points, out_of)."""
    return [
        {
            "student": "ada",
            "exercise": exercise,
            "points": points,
            "out_of": out_of,
            "submitted": submitted,
        }
        for exercise, points, out_of in marks
    ]


@pytest.mark.parametrize(
    "submitted, days, left",
    [
        (None, 0, 1.0),
        ("2026-12-01T23:59:00+00:00", 0, 1.0),
        ("2026-12-01T23:59:01+00:00", 1, 0.9),
        ("2026-12-02T00:30:00+01:00", 0, 1.0),  # 23:30 where the deadline is
        ("2026-12-02T23:59:00+00:00", 1, 0.9),
        ("2026-12-04T12:00:00+00:00", 3, 0.7),
        ("2026-12-06T23:59:00+00:00", 5, 0.5),
        ("2026-12-06T23:59:01+00:00", 6, 0.0),
    ],
)
def test_each_day_begun_costs_its_share(tmp_path, submitted, days, left):
    late = rules(tmp_path, LATE)
    assert late.days_late("02", submitted) == days
    assert late.share(days) == pytest.approx(left)


def test_a_chapter_has_a_deadline_of_its_own(tmp_path):
    late = rules(tmp_path, LATE)
    assert late.days_late("05", "2026-12-04T12:00:00+00:00") == 0
    only = '[late]\nper_day = 0.5\n[late.chapters]\n"02" = 2026-12-01T00:00:00Z\n'
    assert rules(tmp_path, only).days_late("03", "2030-01-01T00:00:00+00:00") == 0


def test_a_deadline_without_an_offset_is_local(tmp_path, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        late = rules(tmp_path, "[late]\ndeadline = 2026-12-01T12:00:00\nper_day = 0.1\n")
        assert late.days_late("02", "2026-12-01T16:59:00+00:00") == 0
        assert late.days_late("02", "2026-12-01T17:01:00+00:00") == 1
    finally:
        monkeypatch.undo()
        time.tzset()


WRONG = {
    "[late": "not a readable TOML file",
    "[lates]\nper_day = 1": "unknown key lates; there are: late, best_of",
    "late = 3": "late must be a table, got 3",
    "best_of = []": r"best_of must be a table, got \[\]",
    "[late]\nperday = 0.1": "unknown key late.perday; there are: deadline, per_day, max_days",
    "[late]\nper_day = 0.1": "late.deadline is missing",
    "[late]\ndeadline = 2026-12-01T00:00:00": "late.per_day is missing",
    "[late]\ndeadline = 2026-12-01\nper_day = 0.1": "late.deadline must be a time such as",
    "[late]\ndeadline = 'soon'\nper_day = 0.1": "late.deadline must be a time.*got soon",
    "[late]\ndeadline = 2026-12-01T00:00:00\nper_day = 10": "late.per_day must be a number from 0",
    "[late]\ndeadline = 2026-12-01T00:00:00\nper_day = true": "late.per_day must be a number",
    "[late]\ndeadline = 2026-12-01T00:00:00\nper_day = nan": "late.per_day must be a number",
    "[late]\ndeadline = 2026-12-01T00:00:00\nper_day = 0.1\nmax_days = 1.5": "late.max_days must",
    "[late]\nper_day = 0.1\n[late.chapters]\n2 = 2026-12-01T00:00:00": 'chapter reads like "02"',
    "[late]\nper_day = 0.1\n[late.chapters]\n02 = 7": "late.chapters.02 must be a time",
    "[best_of]\ndrop = -1": "best_of.drop must be a whole number from 0 on, got -1",
    "[best_of]\ncount = 0": "best_of.count must be a whole number from 1 on, got 0",
    "[best_of]\ndrop = 1\ncount = 3": "best_of takes drop or count, not both",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_a_rule_is_told_with_file_and_key(tmp_path, text):
    with pytest.raises(RulesError, match=rf"my_rules\.toml: .*{WRONG[text]}"):
        rules(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RulesError, match=r"none\.toml: not a readable TOML file"):
        load_rules(tmp_path / "none.toml")


def test_rules_stay_with_the_gradebook_and_bad_ones_do_not_replace_them(tmp_path):
    book = tmp_path / "book"
    assert rules_of(book) == Rules()
    (tmp_path / "r.toml").write_text("[best_of]\ndrop = 1")
    keep_rules(book, tmp_path / "r.toml")
    (tmp_path / "r.toml").write_text("[best_of]\ndrip = 1")
    with pytest.raises(RulesError):
        keep_rules(book, tmp_path / "r.toml")
    assert rules_of(book) == Rules(drop=1)


def test_without_rules_points_stay_as_they_are():
    came = total(rows(("02.a", 2, 2), ("02.b", 0, 1), ("03.a", 1, 1)), Rules())
    assert (came.raw, came.points, came.out_of, came.dropped) == (3, 3, 4, ())
    assert came.chapters["02"].points == 2 and came.chapters["02"].out_of == 3


def test_late_points_shrink_and_the_raw_ones_stay(tmp_path):
    late = rules(tmp_path, LATE)
    given = rows(("02.a", 2, 2), ("05.a", 2, 2), submitted="2026-12-03T12:00:00+00:00")
    came = total(given, late)
    assert came.raw == 4 and came.points == pytest.approx(2 * 0.8 + 2)
    assert came.chapters["02"].days_late == 2 and came.chapters["05"].days_late == 0
    assert came.marks == {"02.a": pytest.approx(1.6), "05.a": 2}


def test_the_worst_of_each_chapter_is_dropped_and_the_rest_scaled():
    given = rows(("02.a", 0, 3), ("02.b", 0, 1), ("02.c", 2, 2), ("03.a", 0, 2))
    came = total(given, Rules(drop=1))
    assert came.dropped == ("02.a",), "the heaviest wrong one; a chapter keeps one at least"
    assert came.chapters["02"].points == pytest.approx(2 / 3 * 6)
    assert came.chapters["03"].points == 0 and came.out_of == 8


def test_the_best_of_all_count():
    given = rows(("02.a", 1, 1), ("02.b", 0, 2), ("03.a", 2, 2), ("03.b", 0, 1))
    came = total(given, Rules(count=2))
    assert came.points == came.out_of == 6 and set(came.dropped) == {"02.b", "03.b"}
    assert total(given, Rules(count=3)).points == pytest.approx(3 / 4 * 6)
    assert total(given, Rules(count=99)).points == 3


@pytest.mark.parametrize("value, told", [(2, "2"), (1.5, "1.5"), (1 / 3, "0.33"), (0.0, "0")])
def test_points_are_written_without_idle_decimals(value, told):
    assert number(value) == told
