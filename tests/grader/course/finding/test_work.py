"""Which file is the work on which chapter, and why each of the others is not."""

import io
import json
import os
import unicodedata
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import jupytext
import nbformat
import pytest
from handed_in import Reading
from nbconvert.exporters import PythonExporter

from course_lib.commands.build import notebook_of
from course_lib.grader.course.files import exercises, is_answer, solution_cells
from course_lib.grader.course.finding.facts import chapter_facts
from course_lib.grader.course.finding.work import MOST_FILES, digest, find_work
from course_lib.grader.running.reading.handed_in import cells_in
from course_lib.notebooks import Cell, with_solution, without_solution
from course_lib.paths import ROOT

STEMS = {"02": "02_attention", "05": "05_multi_head"}
COUNTS = {c: sum(e.chapter == c for e in exercises(ROOT)) for c in STEMS}


@pytest.fixture(scope="module")
def facts():
    return [chapter_facts(ROOT, chapter) for chapter in STEMS]


def solved(chapter, count=99, values=None):
    """The cells of an exercise notebook with its first answers written, as a student's."""
    made, done = [], 0
    for cell in solution_cells(ROOT, chapter, values):
        done += is_answer(cell)
        change = with_solution if done <= count else without_solution
        made.append(replace(cell, source=change(cell.source)))
    return made


def saved(cells):
    return json.dumps(notebook_of(cells)).encode()


def handed_out(chapter):
    return (ROOT / "exercises" / f"{STEMS[chapter]}.ipynb").read_bytes()


def page(chapter):
    return (ROOT / "notebooks" / f"{STEMS[chapter]}.ipynb").read_bytes()


def put(folder, files):
    """Write files by name; their times rise in the order given."""
    for hour, (name, data) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (3600 * hour, 3600 * hour))
    return folder


def labels(work):
    return {number: used and (used.label, used.answers) for number, used in work.used.items()}


def reasons(work):
    return {each.label: each.reason for each in work.unused}


# Names

ACCIDENTS = (
    "{}.ipynb",
    "Copy of {}.ipynb",
    "{} - Copy.ipynb",
    "{} (1).ipynb",
    "{}-Copy1.ipynb",
    "{}.kept-1.ipynb",
    "ada_{}.ipynb",
    "{}_Ada Lovelace_FINAL(2).ipynb",
    "{}.IPYNB",
    "{}.ipynb.txt",
    "{}.ipynb.crdownload",
    "{}.json",
    "{}",
    "{}.py",
    "{}~",
    "2_attention.ipynb",
    "Untitled7.ipynb",
    "a/b/c/d/e/{}.ipynb",
    "{}.ipynb/{}.ipynb",
    "öko 😀.ipynb",
    unicodedata.normalize("NFD", "öko.ipynb"),
    "two\nlines.ipynb",
    "n" * 249 + ".ipynb",
)


@pytest.mark.parametrize("chapter", STEMS)
@pytest.mark.parametrize("name", ACCIDENTS)
def test_work_is_found_whatever_its_name(name, chapter, tmp_path, facts):
    name = name.format(*[STEMS[chapter]] * 2)
    work = find_work(put(tmp_path, {name: saved(solved(chapter))}), facts, Reading())
    shown = unicodedata.normalize("NFC", name).replace("\n", "�")
    expected = dict.fromkeys(STEMS) | {chapter: (shown, COUNTS[chapter])}
    assert labels(work) == expected
    assert set(reasons(work)) <= {f"{STEMS[chapter]}.ipynb"}  # a folder of that name


def test_a_zip_was_handed_in_when_it_was_whatever_the_times_inside_say(tmp_path, facts):
    with zipfile.ZipFile(tmp_path / "02.zip", "w") as file:
        file.writestr(zipfile.ZipInfo("02.ipynb", (2024, 5, 6, 7, 8, 10)), saved(solved("02")))
    os.utime(tmp_path / "02.zip", (3600, 3600))
    used = find_work(tmp_path, facts, Reading()).used["02"]
    assert used.label == "02.zip/02.ipynb"
    assert used.changed == datetime(1970, 1, 1, 1, tzinfo=UTC)


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in files.items():
            file.writestr(zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10)), data)
    return packed.getvalue()


def test_last_weeks_work_in_this_weeks_zip_is_last_weeks(tmp_path, facts):
    """Saved again since, it has other bytes, and the newer file would make it late."""
    again = zipped({"work/02_attention.ipynb": saved([*solved("02"), Cell("code", "1")])})
    put(tmp_path, {"02_attention.ipynb": saved(solved("02")), "05_work.zip": again})
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"][0] == "02_attention.ipynb"
    assert "named for another chapter" in reasons(work)["05_work.zip/work/02_attention.ipynb"]


def test_a_notebook_that_was_only_saved_again_counts_as_a_copy(tmp_path, facts):
    cells = solved("02")
    again = json.loads(saved(cells))
    again["metadata"]["saved"] = "again"
    again["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "A word."})
    other = saved([*cells, Cell("code", "more = 1")])
    files = {"a.ipynb": saved(cells), "b/02_attention.ipynb": json.dumps(again).encode()}
    used = find_work(put(tmp_path, files), facts, Reading()).used["02"]
    assert used.label == "b/02_attention.ipynb" and used.copies == ("a.ipynb",)
    (tmp_path / "a.ipynb").write_bytes(other)
    assert find_work(tmp_path, facts, Reading()).used["02"].copies == ()


def numbered(notebook, numbers):
    """The notebook with these numbers of runs, as far as they go, at its cells of code."""
    made = json.loads(notebook)
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    for cell, number in zip(code, numbers, strict=False):
        cell["execution_count"] = number
    return json.dumps(made).encode()


IN_ORDER, APART, TURNED, ALONE = range(1, 99), range(5, 500, 3), [1, 3, 2], [1, None, 2]


@pytest.mark.parametrize(
    ("first", "later", "same"),
    [
        (IN_ORDER, APART, True),
        (TURNED, IN_ORDER, True),
        (TURNED, TURNED, True),
        (ALONE, APART, True),
        (IN_ORDER, TURNED, False),
        (IN_ORDER, ALONE, False),
        (TURNED, ALONE, False),
        (ALONE, TURNED, False),
    ],
)
def test_what_ran_again_in_another_order_is_another_work(tmp_path, facts, first, later, same):
    """Numbers decide what is tried: in a late file they could spell an answer."""
    made = saved([Cell("code", "1"), *solved("02")])
    names = {"a.ipynb": first, "b/02_attention.ipynb": later}
    put(tmp_path, {name: numbered(made, numbers) for name, numbers in names.items()})
    used = find_work(tmp_path, facts, Reading()).used["02"]
    assert used.label == "b/02_attention.ipynb" and used.copies == ("a.ipynb",) * same


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"source": "more = 1\n"}, True),
        ({"source": "\xa0more = 1"}, False),  # Python can't read it
        ({"source": "  more = 1"}, True),  # as IPython reads it
        ({"tags": ("02.cost",)}, False),
    ],
)
def test_a_copy_has_what_decides_which_cells_are_read(tmp_path, facts, change, same):
    cell = Cell("code", "more = 1")
    first, second = ([*solved("02"), each] for each in (cell, replace(cell, **change)))
    files = {"a.ipynb": saved(first), "b/02_attention.ipynb": saved(second)}
    used = find_work(put(tmp_path, files), facts, Reading()).used["02"]
    assert used.label == "b/02_attention.ipynb" and used.copies == ("a.ipynb",) * same


def test_a_copy_counts_for_the_first_time_that_it_came(tmp_path, facts):
    data = saved(solved("02"))
    put(tmp_path, {"a.ipynb": data, "b.zip": zipped({"02_attention.ipynb": data, "2.ipynb": data})})
    used = find_work(tmp_path, facts, Reading()).used["02"]
    assert used.label == "b.zip/02_attention.ipynb" and used.copies == ("a.ipynb",)
    assert used.changed == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_long_name_in_a_zip_does_not_hide_the_zips(tmp_path, facts):
    put(tmp_path, {"03.zip": zipped({f"{'x' * 200}/{'y' * 200}.ipynb": saved(solved("02"))})})
    assert find_work(tmp_path, facts, Reading()).used["02"].label.startswith("03.zip/…")


def test_looking_for_names_is_no_free_work(tmp_path, facts):
    class Spent:
        def afford(self):
            raise ValueError("not read: the files before it took too long")

        def __call__(self, data, name):
            raise AssertionError("it is asked first")

    put(tmp_path, {"02.py": b"a " * 100})
    (unused,) = find_work(tmp_path, facts, Spent()).unused
    assert unused.reason == "not read: the files before it took too long"


def test_a_used_file_comes_with_its_cells_digest_and_time(tmp_path, facts):
    put(tmp_path, {"a.txt": b"-", "b.ipynb": saved(solved("02"))})
    used = find_work(tmp_path, facts, Reading()).used["02"]
    assert list(used.cells) == solved("02") and used.changed == datetime(1970, 1, 1, 1, tzinfo=UTC)
    (tmp_path / "b.ipynb").rename(tmp_path / "c.ipynb")
    assert find_work(tmp_path, facts, Reading()).used["02"].digest == used.digest
    put(tmp_path, {"c.ipynb": saved(solved("02", 5))})
    assert find_work(tmp_path, facts, Reading()).used["02"].digest != used.digest


def test_a_copy_beside_the_untouched_original_is_used(tmp_path, facts):
    copy = "02_attention (1).ipynb"
    put(tmp_path, {copy: saved(solved("02", 1)), "02_attention.ipynb": handed_out("02")})
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == (copy, 1)
    assert reasons(work) == {"02_attention.ipynb": f"as handed out; `{copy}` has answers"}


def test_an_untouched_original_alone_is_used_with_no_answers(tmp_path, facts):
    work = find_work(put(tmp_path, {"02_attention.ipynb": handed_out("02")}), facts, Reading())
    assert labels(work) == {"02": ("02_attention.ipynb", 0), "05": None} and not work.unused


def test_two_untouched_originals_are_told(tmp_path, facts):
    copy = json.dumps(json.loads(handed_out("02"))).encode()
    put(tmp_path, {"02_attention.ipynb": handed_out("02"), "b.ipynb": copy})
    assert reasons(find_work(tmp_path, facts, Reading())) == {
        "b.ipynb": "as handed out, like `02_attention.ipynb`"
    }


@pytest.mark.parametrize("chapter", STEMS)
def test_two_chapters_in_an_archive_in_folders_of_folders(chapter, tmp_path, facts):
    (tmp_path / "a/b").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "a/b/hw.zip", "w") as file:
        for each, stem in STEMS.items():
            file.writestr(f"hw/{each}/{stem}.ipynb", saved(solved(each)))
            file.writestr(f"__MACOSX/hw/._{stem}.ipynb", b"-")
    work = find_work(tmp_path, facts, Reading())
    name = f"a/b/hw.zip/hw/{chapter}/{STEMS[chapter]}.ipynb"
    assert labels(work)[chapter] == (name, COUNTS[chapter]) and not work.unused


def test_one_file_may_hold_two_chapters(tmp_path, facts):
    work = find_work(
        put(tmp_path, {"all.ipynb": saved(solved("02") + solved("05"))}), facts, Reading()
    )
    assert labels(work) == {c: ("all.ipynb", COUNTS[c]) for c in STEMS} and not work.unused


def test_a_whole_course_handed_in_is_sorted_out(tmp_path, facts):
    files = {"course_lib/masks.py": b"def attention(): pass"}
    for path in [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/*.ipynb")]:
        files[str(path.relative_to(ROOT))] = path.read_bytes()
    for path in ROOT.glob("notebooks/*.ipynb"):
        files[f"work/{path.name}"] = path.read_bytes()
    files["work/exercises/02_attention.ipynb"] = saved(solved("02", 4))
    work = find_work(put(tmp_path, files), facts, Reading())
    told = reasons(work)
    assert labels(work) == {
        "02": ("work/exercises/02_attention.ipynb", 4),
        "05": ("exercises/05_multi_head.ipynb", 0),
    }
    assert len(told) == len(files) - 3
    assert told["work/02_attention.ipynb"] == (
        "the chapter itself, not its exercises: hand in work/exercises/02_attention.ipynb"
    )
    assert told["work/03_queries_keys_values.ipynb"].startswith("a chapter that is not asked for")
    assert told["exercises/03_queries_keys_values.ipynb"] == "of chapter 03, which is not asked for"
    assert told["exercises/02_attention.ipynb"].startswith("as handed out")


# The chapter itself


def exported(data):
    return PythonExporter().from_notebook_node(nbformat.reads(data, 4))[0].encode()


def as_script(data, form):
    return jupytext.writes(nbformat.reads(data, 4), form).encode()


CHAPTERS = [path.stem for path in sorted(ROOT.glob("notebooks/*.ipynb"))]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_a_chapter_is_no_answer_to_its_exercises_nor_to_any_others(stem, tmp_path):
    everything = [chapter_facts(ROOT, each[:2]) for each in CHAPTERS]
    data = (ROOT / "notebooks" / f"{stem}.ipynb").read_bytes()
    put(tmp_path, {f"{stem}.ipynb": data, "a.py": exported(data), "b.py": as_script(data, "py")})
    work = find_work(tmp_path, everything, Reading())
    assert set(work.used.values()) == {None}
    told = f"the chapter itself, not its exercises: hand in work/exercises/{stem}.ipynb"
    assert reasons(work) == dict.fromkeys([f"{stem}.ipynb", "a.py", "b.py"], told)


def test_a_chapter_in_which_somebody_played_is_still_the_chapter(tmp_path, facts):
    cells = [replace(cell, tags=()) for cell in cells_in(page("02"), "x.ipynb")]
    played = [*cells[:20], Cell("code", "scores = 3\nwords = 'other words'"), *cells[20:-9]]
    work = find_work(put(tmp_path, {"02_attention.ipynb": saved(played)}), facts, Reading())
    assert labels(work)["02"] is None
    assert reasons(work)["02_attention.ipynb"].startswith("the chapter itself")


def test_answers_written_into_the_chapter_count(tmp_path, facts):
    answer = next(cell for cell in solved("02") if "02.cost" in cell.tags)
    cells = [*cells_in(page("02"), "x.ipynb"), replace(answer, tags=())]
    work = find_work(put(tmp_path, {"02_attention.ipynb": saved(cells)}), facts, Reading())
    assert labels(work)["02"] == ("02_attention.ipynb", 1)


def test_a_chapter_and_its_exercises_in_one_file_are_told_apart(tmp_path, facts):
    theirs = [replace(cell, tags=()) for cell in cells_in(page("02"), "x.ipynb")]
    for count in (0, 3):
        put(tmp_path, {"a.ipynb": saved([*theirs, *solved("02", count)])})
        assert labels(find_work(tmp_path, facts, Reading()))["02"] == ("a.ipynb", count)


def test_a_definition_of_the_chapter_counts_where_it_is_handed_in_as_an_answer(tmp_path, facts):
    theirs = next(c for c in cells_in(page("02"), "x.ipynb") if "def attention(" in c.source)
    empty = solved("02", 0)
    answered = [replace(theirs, tags=c.tags) if "02.attention" in c.tags else c for c in empty]
    put(tmp_path, {"a.ipynb": saved(answered)})
    assert labels(find_work(tmp_path, facts, Reading()))["02"] == ("a.ipynb", 1)
    put(tmp_path, {"a.ipynb": saved([replace(theirs, tags=())])})
    assert labels(find_work(tmp_path, facts, Reading()))["02"] is None


# What is left when a tool has taken the tags away


def bare(cells):
    return [replace(cell, tags=()) for cell in cells]


def colab_script(cells):
    parts = [f'"""{c.source}"""' if c.kind == "markdown" else c.source for c in cells]
    return "\n\n".join(["# -*- coding: utf-8 -*-", *parts]).encode()


LOST = {
    "tags": lambda cells: saved(bare(cells)),
    "headings": lambda cells: saved([c for c in cells if c.kind == "code"]),
    "tags and headings": lambda cells: saved([c for c in bare(cells) if c.kind == "code"]),
    "all but names": lambda cells: saved(
        [c for c in bare(cells) if c.kind == "code" and "check" not in c.source]
    ),
    "by nbconvert": lambda cells: exported(saved(bare(cells))),
    "by Colab": lambda cells: colab_script(cells),
    "percent": lambda cells: as_script(saved(cells), "py:percent"),
    "light": lambda cells: as_script(saved(cells), "py:light"),
    "UTF-16": lambda cells: as_script(saved(cells), "py:percent").decode().encode("utf-16"),
    "plain": lambda cells: "\n\n".join(c.source for c in cells if c.kind == "code").encode(),
}


@pytest.mark.parametrize("chapter", STEMS)
@pytest.mark.parametrize("how", LOST)
def test_answers_are_counted_whatever_was_lost(how, chapter, tmp_path, facts):
    for count in (0, 3, COUNTS[chapter]):
        work = find_work(put(tmp_path, {"x": LOST[how](solved(chapter, count))}), facts, Reading())
        assert labels(work) == dict.fromkeys(STEMS) | {chapter: ("x", count)}


def test_a_helper_named_like_another_chapters_exercise_is_no_work_on_it(tmp_path, facts):
    helper = Cell("code", "def attention(query, key, value):\n    return value")
    work = find_work(put(tmp_path, {"5.ipynb": saved([*solved("05"), helper])}), facts, Reading())
    assert labels(work) == {"02": None, "05": ("5.ipynb", COUNTS["05"])}


def test_a_name_that_is_only_assigned_counts_beside_an_id_and_nowhere_else(tmp_path, facts):
    own = Cell("code", "attention = torch.nn.functional.scaled_dot_product_attention")
    put(tmp_path, {"a.ipynb": saved([*solved("02", 0), own]), "b.py": b"cost = 3\n"})
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == ("a.ipynb", 1)
    assert reasons(work) == {"b.py": "no exercise of this course in it"}


@pytest.mark.parametrize(
    "answer",
    [
        "%%time\ndef attention(query, key, value):\n    return value",
        "!pip install x\ndef attention(query, key, value):\n    return value",
        "def attention(query, key, value):\n    return “value”",
        "def attention(query, key, value:\n    return value",
        "    def attention(query, key, value):\n        return value",
        "class attention:\n    pass",
        "async def attention():\n    pass",
        "attention: object = print",
        "x = (\ndef attention(query, key, value):\n    return value",
    ],
)
def test_an_answer_counts_whether_python_can_read_it_or_not(answer, tmp_path, facts):
    cells = [replace(c, source=answer) if "02.attention" in c.tags else c for c in solved("02", 0)]
    put(tmp_path, {"a.ipynb": saved(cells), "02_attention.ipynb": handed_out("02")})
    assert labels(find_work(tmp_path, facts, Reading()))["02"] == ("a.ipynb", 1)


def test_a_stub_beside_a_line_that_is_no_python_is_still_a_stub(tmp_path, facts):
    cells = [
        replace(c, source=f"x = (\n{c.source}") if is_answer(c) else c for c in solved("02", 0)
    ]
    assert labels(find_work(put(tmp_path, {"a.ipynb": saved(cells)}), facts, Reading()))["02"] == (
        "a.ipynb",
        0,
    )


def test_a_stub_with_a_students_own_values_is_no_answer(tmp_path, facts):
    varied = [e for e in exercises(ROOT) if e.choices and e.chapter in STEMS]
    assert varied
    for exercise in varied:
        for at in (0, -1):
            own = {name: choices[at] for name, choices in exercise.choices.items()}
            data = saved(solved(exercise.chapter, 0, {exercise.id: own}))
            work = find_work(put(tmp_path, {"a.ipynb": data}), facts, Reading())
            assert labels(work)[exercise.chapter] == ("a.ipynb", 0)


# Among several


def test_more_answers_go_before_the_name_and_the_name_before_the_time(tmp_path, facts):
    most, proper, newest = solved("02", 4), solved("02", 3), [*solved("02", 3), Cell("code", "x")]
    put(tmp_path, {"a.ipynb": saved(most), "02_attention.ipynb": saved(proper)})
    put(tmp_path / "b", {"x": b"-", "y": b"-", "new.ipynb": saved(newest)})
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == ("a.ipynb", 4)
    more = f"`a.ipynb` has more answers (4 of {COUNTS['02']}; here 3)"
    assert {reasons(work)["02_attention.ipynb"], reasons(work)["b/new.ipynb"]} == {more}
    (tmp_path / "a.ipynb").unlink()
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == ("02_attention.ipynb", 3)
    assert reasons(work)["b/new.ipynb"] == (
        "`02_attention.ipynb` has as many answers, and the name that the course gave it"
    )
    (tmp_path / "02_attention.ipynb").rename(tmp_path / "old.ipynb")
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == ("b/new.ipynb", 3)
    assert reasons(work)["old.ipynb"] == "older than `b/new.ipynb`, which has as many answers"


def test_every_file_that_adds_an_answer_counts(tmp_path, facts):
    """Some upload a file for each exercise."""
    ids = [each.id for each in exercises(ROOT) if each.chapter == "02"]
    for id in ids:
        cells = solution_cells(ROOT, "02")
        own = [c.source if is_answer(c) and id in c.tags else "" for c in cells]
        made = [replace(c, source=with_solution(s)) for c, s in zip(cells, own, strict=True) if s]
        put(tmp_path, {f"{id}.ipynb": saved(made), f"{id}-again.ipynb": saved([*made, *made])})
    work = find_work(tmp_path, facts, Reading())
    found = work.used["02"]
    assert len(found.more) == len(ids) - 1 > MOST_FILES
    told = [each.reason for each in work.unused if each.label != found.label]
    assert sum("looked through" in each for each in told) == 2 * (len(ids) - 1)
    together = "".join(cell.source for file in (found, *found.more) for cell in file.cells)
    assert all(each.name in together for each in facts[0].exercises)


def test_where_all_is_equal_the_first_by_name_is_used_each_time(tmp_path, facts):
    put(tmp_path, {"a.ipynb": saved(solved("02", 3))})
    put(tmp_path, {"b.ipynb": saved([*solved("02", 3), Cell("code", "x")])})
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == ("a.ipynb", 3)
    assert reasons(work) == {"b.ipynb": "no newer than `a.ipynb`, which has as many answers"}


def test_one_content_under_two_names_is_read_once(tmp_path, facts):
    data, calls = saved(solved("02")), []
    put(tmp_path, {"Copy of 02.ipynb": data, "02_attention.ipynb": data})

    def read(data, name):
        calls.append(name)
        return cells_in(data, name)

    work = find_work(tmp_path, facts, Reading(read))
    assert labels(work)["02"] == ("02_attention.ipynb", COUNTS["02"]) and len(calls) == 1
    assert reasons(work) == {"Copy of 02.ipynb": "the same as `02_attention.ipynb`"}


# What is not used

REASONS = {
    "a.pdf": (b"%PDF-1.7 attention", "not a notebook: a PDF"),
    "b.ipynb": (b"<!doctype html> attention", "not a notebook: a web page (HTML)"),
    "c.ipynb": (b"", "not a notebook: an empty file"),
    "d.ipynb": (b'{"cells": [{"attention": 1}', "a broken notebook: it ends in the middle"),
    "e.py": (b"import os\n", "no exercise of this course in it"),
    "f.csv": (b"attention;cost\n1;2;a b\n", "not a notebook: a text that begins with"),
    "g.ipynb": (b'{"cells": [{"tags": ["03.project"]}]}', "of chapter 03, which is not asked for"),
    "h.docx": (b"PK\x03\x04 attention", "a broken archive"),
    "i.zip": (b"PK\x05\x06" + bytes(18), "not a notebook: an empty archive (zip)"),
    "j.7z": (b"7z\xbc\xaf\x27\x1c", "not a notebook: an archive (7z)"),
}


def test_every_file_that_is_not_used_is_told_with_its_reason(tmp_path, facts):
    put(tmp_path, {name: data for name, (data, _) in REASONS.items()})
    put(tmp_path, {"02_attention.ipynb": saved(solved("02"))})
    work = find_work(tmp_path, facts, Reading())
    assert labels(work)["02"] == ("02_attention.ipynb", COUNTS["02"])
    told = reasons(work)
    assert list(told) == sorted(
        REASONS, key=lambda name: (".ipynb" not in name and name != "e.py", name)
    )
    other = [name for name, (_, reason) in REASONS.items() if not told[name].startswith(reason)]
    assert not other


def test_ids_of_several_chapters_are_told_together(tmp_path, facts):
    cells = [Cell("code", "x = 1", ("03.project",)), Cell("markdown", "## 04.causal-mask · Mask")]
    work = find_work(put(tmp_path, {"a.ipynb": saved(cells)}), facts, Reading())
    assert reasons(work) == {"a.ipynb": "of chapters 03, 04, which are not asked for"}


def test_nothing_handed_in_is_nothing_used(tmp_path, facts):
    work = find_work(tmp_path, facts, Reading())
    assert labels(work) == dict.fromkeys(STEMS) and work.unused == ()


@pytest.mark.parametrize(
    "error, told",
    [
        (ValueError("took longer\nthan 5 seconds"), "took longer than 5 seconds"),
        (OSError("the sealed process is gone"), "cannot be opened: the sealed process is gone"),
        (OSError(), "cannot be opened: OSError"),
        (PermissionError(13, "Permission denied"), "cannot be opened: Permission denied"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[31m" + "x" * 999), "�[31m" + "x" * 295),
    ],
)
def test_the_trouble_of_reading_is_the_files_reason(error, told, tmp_path, facts):
    def read(data, name):
        if name == "bad.ipynb":
            raise error
        return cells_in(data, name)

    put(tmp_path, {"bad.ipynb": handed_out("02"), "good.ipynb": saved(solved("02"))})
    work = find_work(tmp_path, facts, Reading(read))
    assert labels(work)["02"] == ("good.ipynb", COUNTS["02"]) and reasons(work) == {
        "bad.ipynb": told
    }


def test_only_what_can_hold_such_work_is_read(tmp_path, facts):
    names = []
    put(tmp_path, {name: data for name, (data, _) in REASONS.items() if b"attention" not in data})
    put(tmp_path, {"02.ipynb": saved(solved("02")), "sub/03.ipynb": b"x"})
    find_work(tmp_path, facts, Reading(lambda *file: names.append(file[1]) or cells_in(*file)))
    assert names == ["02.ipynb"]


def test_a_file_that_vanishes_between_listing_and_reading_is_told(tmp_path, facts, monkeypatch):
    put(tmp_path, {"a.zip": b"", "b.ipynb": saved(solved("02"))})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("x.ipynb", handed_out("02"))

    def read(data, name):
        (tmp_path / "a.zip").unlink(missing_ok=True)
        return cells_in(data, name)

    work = find_work(tmp_path, facts, Reading(read))
    assert labels(work)["02"] == ("b.ipynb", COUNTS["02"])
    assert reasons(work) == {"a.zip/x.ipynb": "cannot be opened: No such file or directory"}


def test_an_unknown_chapter_lists_those_there_are():
    with pytest.raises(KeyError, match="no answer key for chapter 77; there are: 00, 01, 02"):
        chapter_facts(ROOT, "77")


# All in short


def test_the_digest_tells_whether_anything_changed(tmp_path, facts):
    put(tmp_path, {"a.ipynb": saved(solved("02")), "b.txt": b"-", "sub/c.zip": b"PK\x05\x06"})
    first = find_work(tmp_path, facts, Reading()).digest
    os.utime(tmp_path / "a.ipynb", (9, 9))
    assert digest(tmp_path) == first == find_work(tmp_path, facts, Reading(lambda *file: [])).digest
    seen = {first}
    (tmp_path / "b.txt").write_bytes(b"+")
    seen.add(digest(tmp_path))
    (tmp_path / "b.txt").rename(tmp_path / "d.txt")
    seen.add(digest(tmp_path))
    (tmp_path / "d.txt").unlink()
    seen.add(digest(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path)
    seen.add(digest(tmp_path))
    assert len(seen) == 5
