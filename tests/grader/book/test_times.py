"""When work was handed in: the instructor's list, then what was noted, then the file."""

import pytest

from course_lib.grader.book.came import Came, File, load_came
from course_lib.grader.book.dated import MARKED, kept_times, stamped
from course_lib.grader.book.times import TimesError, Told, add_times, load_times, strangers

NOON = "2026-12-01T12:00:00+00:00"


FILE_TIME = "2023-11-14T22:13:20+00:00"


def row(exercise="02.a", **more):
    about = {"work": "w", "file": "02_attention.py", "changed": FILE_TIME}
    return {"student": "ada", "exercise": exercise, **about, **more}


def test_the_list_goes_before_the_file(tmp_path):
    text = f"student,chapter,submitted\nada,,{NOON}\nada,03,2026-12-02T12:00:00+00:00\n"
    (tmp_path / "submitted.csv").write_text("\ufeff" + text)
    times = load_times(tmp_path)
    rows = stamped([row(), row("03.a")], times)
    assert [r["submitted"] for r in rows] == [
        times[key].submitted for key in (("ada", ""), ("ada", "03"))
    ]
    assert load_times(tmp_path / "elsewhere") == {}


def test_without_a_list_it_is_the_files_time_and_a_later_copy_changes_nothing():
    (first,) = stamped([row()], {})
    assert first["submitted"] == FILE_TIME
    assert stamped([first | {"changed": NOON}], {}) == [first | {"changed": NOON}]
    assert stamped([row(changed=None)], {})[0]["submitted"] is None  # no calendar has it


def test_the_same_work_keeps_its_time_and_other_work_has_its_own():
    before = [row(submitted=NOON)]
    assert kept_times(before, [row()]) == before
    assert kept_times(before, [row() | {"work": "other"}]) == [row() | {"work": "other"}]


def test_nothing_handed_in_has_no_time_and_a_line_of_before_keeps_its_own():
    times = {("ada", ""): Told(NOON)}
    assert stamped([row(file="", changed=None)], times)[0]["submitted"] is None
    old = {"student": "ada", "exercise": "03.a", "work": "w", "submitted": NOON}
    assert stamped([old], {}) == [old]


def test_late_without_a_time_is_kept_and_no_time_is_made_up(tmp_path):
    (tmp_path / "submitted.csv").write_text(
        "student,chapter,submitted,late\nada,02,,LATE\nada,03,,\n"
    )
    times = load_times(tmp_path)
    assert times == {("ada", "02"): Told("", True), ("ada", "03"): Told("")}
    marked, plain = stamped([row(submitted=NOON), row("03.a")], times)
    assert marked["submitted"] is None and marked[MARKED]
    assert plain["submitted"] is None and MARKED not in plain, "a download's time says nothing"
    assert stamped([marked], {}) == [marked], "the list of another chapter changes nothing"
    (known,) = stamped([marked], {("ada", "02"): Told(NOON, True)})
    assert known["submitted"] == NOON and MARKED not in known
    (gone,) = stamped([marked | {"file": ""}], times)
    assert gone["submitted"] is None and MARKED not in gone


def test_what_is_learnt_later_replaces_its_own_lines_and_no_others(tmp_path):
    path = tmp_path / "submitted.csv"
    path.write_text(f"student,submitted,reason\nada,{NOON},ill\nbob,{NOON},\n")
    new = {("bob", ""): Told("", True), ("cy", "02"): Told("2026-12-01T09:30:00")}
    assert add_times(tmp_path, new) == [f"bob {NOON}"]
    assert path.read_text().splitlines() == [
        "student,chapter,submitted,late,reason",
        f"ada,,{NOON},,ill",
        "bob,,,LATE,",
        "cy,02,2026-12-01T09:30:00,,",
    ]
    times = load_times(tmp_path)
    assert times["bob", ""] == Told("", True) and times["ada", ""].submitted
    assert add_times(tmp_path, {}) == [] and load_times(tmp_path) == times


@pytest.mark.parametrize(
    "text, told",
    [
        ("student,when\nada,now\n", "line 2: student or submitted is missing"),
        (f"student,submitted\nada,{NOON}\nbob,soon\n", "line 3: 'soon' is not a time"),
        ("student,submitted\nada\n", "line 2: student or submitted is missing"),
    ],
)
def test_a_list_that_says_no_time_is_named_with_its_line(tmp_path, text, told):
    (tmp_path / "submitted.csv").write_text(text)
    with pytest.raises(TimesError, match=rf"submitted\.csv, {told}"):
        load_times(tmp_path)


def test_a_list_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "submitted.csv").write_bytes(b"\xff\xff")
    with pytest.raises(TimesError, match=r"submitted\.csv: no column student"):
        load_times(tmp_path)


@pytest.mark.parametrize(
    "text, encoding",
    [
        (f"student;chapter;submitted;late\r\nJosé;2;{NOON};\r\nbob;02;;LATE\r\n;;;\r\n", "cp1252"),
        (f"sep=;\nstudent;chapter;submitted;late\nJosé;2;{NOON};no\nbob;2;;x\n", "utf-8-sig"),
        (f"Student\tChapter\tSubmitted\tLate\n\nJosé\t2\t{NOON}\t0\nbob\t2\t\tLATE", "utf-16"),
        (f"student,chapter,submitted,late\nJose\u0301,02,{NOON},\nbob,02,,LATE\n", "utf-8"),
    ],
)
def test_a_spreadsheet_may_have_saved_it(tmp_path, text, encoding):
    (tmp_path / "submitted.csv").write_bytes(text.encode(encoding))
    times = load_times(tmp_path)
    assert times == {("José", "02"): times["José", "02"], ("bob", "02"): Told("", True)}
    add_times(tmp_path, {("bob", "02"): Told(NOON)})
    assert set(load_times(tmp_path)) == set(times)
    (dated,) = stamped([row() | {"student": "Jose\u0301"}], times)
    assert dated["submitted"] == times["José", "02"].submitted


def test_two_lines_for_the_same_and_a_line_for_nobody_are_told(tmp_path):
    text = f'student,note,submitted\n"ada","a\nb",{NOON}\nbo,,{NOON}\n'
    (tmp_path / "submitted.csv").write_text(text)
    assert strangers(load_times(tmp_path), ["ada", "bob"]) == ["bo"]
    (tmp_path / "submitted.csv").write_text(f"{text}ada,,{NOON}\n")
    with pytest.raises(TimesError, match="line 5: there is another line for ada"):
        load_times(tmp_path)


LATE, LINE = "2026-12-09T12:00:00+00:00", ("ada", "02")
CAME = Came(
    {"ada": {"02_attention.py": File(NOON, chapter="02"), "03_x.zip": File(LATE, chapter="03")}},
    {LINE: Told(NOON), ("ada", "03"): Told(LATE)},
)


def dated(times=CAME.lines, came=CAME, **about):
    (told,) = stamped([row(**about)], dict(times), came)
    return told["submitted"]


def test_an_answer_is_as_late_as_the_file_that_it_came_from():
    assert dated() == NOON
    assert dated(file="03_x.zip/deep/02_attention.py") == LATE
    assert dated({}, file="03_x.zip/a.py") == LATE, "also where its chapter has no line"
    assert dated(file="by_hand.py") == NOON, "collecting knows nothing of it"
    same = {"file": "03_x.zip/02_attention.py", "copies": ["02_attention.py"]}
    assert dated(**same) == NOON, "the same bytes came before"


def test_what_the_instructor_wrote_goes_before_the_files_times():
    ill = "2026-12-02T12:00:00+00:00"
    for key in (LINE, ("ada", "")):
        assert dated({key: Told(ill)}, file="03_x.zip/a.py") == ill


def test_where_no_times_are_told_a_line_holds_for_the_files_of_its_chapter():
    """On Canvas the instructor writes them: another chapter's are not those of this one's file."""
    files = {"02.py": File("", chapter="02"), "03.zip": File("", True, "03"), "w.zip": File("")}
    came = Came({"ada": files}, {LINE: Told(""), ("ada", "03"): Told("", True)})
    times = came.lines | {LINE: Told(NOON)}
    assert dated(times, came, file="02.py") == dated(times, came, file="w.zip/a.py") == NOON
    (marked,) = stamped([row(file="03.zip/a.py")], times, came)
    assert marked["submitted"] is None and marked[MARKED]
    assert dated(times | {("ada", "03"): Told(LATE)}, came, file="03.zip/a.py") == LATE


def test_a_line_written_for_a_file_in_time_is_not_one_about_a_file_marked_late():
    files = {"02.py": File("", chapter="02"), "w.zip": File("", True)}
    came = Came({"ada": files}, {LINE: Told(""), ("ada", ""): Told("", True)})
    same = {"file": "w.zip/02.py", "copies": ["02.py"]}
    (plain,) = stamped([row(**same)], came.lines, came)
    assert plain["submitted"] is None and MARKED not in plain
    written = {LINE: Told(NOON), ("ada", ""): Told(LATE, True)}
    assert dated(written, came, **same) == NOON
    assert dated(written, came, file="02.py") == NOON
    assert dated(written, came, file="w.zip/02.py") == LATE, "more than what came in time"
    earlier = {"02.py": File("", True, "02"), "02-earlier-1.py": File("", chapter="02")}
    came = Came({"ada": earlier}, {LINE: Told("", True)})
    assert dated({LINE: Told(LATE, True)}, came, file="02.py") == LATE
    (plain,) = stamped([row(file="02-earlier-1.py")], {LINE: Told(LATE, True)}, came)
    assert plain["submitted"] is None and MARKED not in plain


def test_two_names_that_read_alike_have_the_later_ones_time():
    came = Came({"ada": {"a\xa0.zip": File(NOON), "a\u2003.zip": File(LATE)}})
    assert dated({}, came, file="a\ufffd.zip/02.py") == LATE


@pytest.mark.parametrize("text", ["[]", '{"files": 1}', '{"files": {"ada": {"a": {"when": 1}}}}'])
def test_a_damaged_record_of_files_is_named(tmp_path, text):
    (tmp_path / ".collected.json").write_text(text)
    with pytest.raises(TimesError, match=r"collected\.json can't be read"):
        load_came(tmp_path)
    assert load_came(tmp_path / "elsewhere") == Came()


def test_a_collecting_that_was_ended_on_its_way_is_to_be_run_again(tmp_path):
    (tmp_path / ".collected.json").write_text('{"aside": {"ada": {"a.py": "a-earlier-1.py"}}}')
    with pytest.raises(TimesError, match=r"ended on its way, and .* collect once more"):
        load_came(tmp_path)
    assert load_came(tmp_path, moving=True) == Came()
