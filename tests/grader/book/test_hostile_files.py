"""Files made to hold up, blind or mislead whoever grades: each is one student's message."""

import time
import zipfile

import pytest
from handed_in import Reading, notebook

from course_lib.grader.book import grading, report, sealed
from course_lib.grader.book.grading import grade_submission
from course_lib.grader.book.reported import judge_report
from course_lib.grader.book.unused import listed
from course_lib.grader.course.finding import looking
from course_lib.grader.course.finding.facts import chapter_facts, definitions
from course_lib.grader.course.finding.work import Unused, digest, find_work, mentioned
from course_lib.grader.judging.frames import pack
from course_lib.grader.running.slicing.plans import Wanted
from course_lib.grader.running.warm import Report
from course_lib.paths import ROOT

ID = "00.scores"
RIGHT = "def scores(query, keys):\n    return keys @ query"


def test_long_names_in_an_archive_are_cut_before_anything_is_done_with_them(tmp_path):
    marks = "\u0300" * 16000 + "\u0316" * 15000
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(4):
            archive.writestr(f"{i}{marks}.py", "x = 1\n")
    began = time.process_time()
    digest(tmp_path)
    work = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading())
    assert time.process_time() - began < 2
    assert all(len(each.label) < 700 for each in work.unused)


@pytest.mark.parametrize(
    "source",
    [
        "=".join(f"a{i}" for i in range(4000)) + "=0",
        "x = 0x" + "F" * 5000,
        "def f(pad_id=0x" + "F" * 5000 + "): pass",
    ],
    ids=["many names", "a long number", "a long default"],
)
def test_a_text_costs_little_and_raises_nothing(source):
    began = time.process_time()
    assert definitions(source)
    assert time.process_time() - began < 2


def test_comments_of_a_web_page_cost_nothing(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"<!---->" * 5000 + b"x")
    began = time.process_time()
    work = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading())
    assert work.used["00"] is None and time.process_time() - began < 2


def test_a_long_number_costs_no_other_answer(warm, tmp_path):
    path = notebook(tmp_path / "00_a.ipynb", ("x = 0x" + "F" * 5000,), (RIGHT, ID))
    (graded,) = grade_submission(warm, path, [ID], 7)
    assert graded.verdict.state == "right"


def test_what_cuts_up_code_runs_none_of_it(warm, tmp_path):
    deep = "lambda:" * 2960 + "1"
    source = f"def scores(q, k):\n    pass\nimport os; os.write(2, b'ran')\nx = {deep}\n((("
    path = notebook(tmp_path / "00_a.ipynb", (source, ID))
    seen = []
    run = warm.run

    class Watched:
        root = warm.root

        def run(self, job, *limits):
            seen.append(run(job, *limits))
            return seen[-1]

    (graded,) = grade_submission(Watched(), path, [ID], 7)
    assert graded.verdict.points == 0 and len(seen) == 2
    assert not any(b"ran" in each.log for each in seen)


def forged(**fields):
    made = {"cell": 0, "own": "x", "pieces": [[0, "x"]]} | fields
    plan = {
        "slices": [made] * fields.pop("count", 1),
        "where": [""],
        "absent": "",
        "crash": [],
        "unread": [],
    }
    return pack({"plans": [plan], "left": []})


@pytest.mark.parametrize(
    "frame",
    [
        forged(cell=5),
        forged(pieces=[[9, "x"]]),
        forged(pieces=[[0, "x" * (8 << 20)]]),
        forged(count=60),
        pack({"plans": [], "left": []}),
        pack({"plans": 3}),
    ],
    ids=["cell", "piece", "size", "many", "none", "number"],
)
def test_a_forged_plan_is_refused(frame):
    class Forging:
        root = ROOT

        def run(self, job, limits):
            return Report(frame, b"")

    with pytest.raises(ValueError, match=r"cut up|no notebook has"):
        sealed.plan(Forging(), "00", [], [Wanted(ID, "scores", "")])


def test_nothing_moves_the_cursor_of_whoever_reads(warm, tmp_path):
    escape = "'\x1b[2J\x1b[Hgraded 41 of 41\x07 \u202e'"
    path = notebook(tmp_path / "00_a.ipynb", (RIGHT, ID), (escape,))
    from course_lib.grader.book.grading import grade_cells

    _, left = grade_cells(warm, sealed.read_file(warm, path), [ID], 7)
    assert left and all(each.isprintable() for each in left)
    assert report._plain("a\x1b[2Jb\u202ec").isprintable()


def test_a_students_files_have_one_budget(warm, monkeypatch):
    monkeypatch.setattr(sealed, "BUDGET", -1.0)
    with pytest.raises(ValueError, match="not read: the files before it took"):
        sealed.Reader(warm)(b"x = 1", "a.py")
    with pytest.raises(ValueError, match="not read: the files before it took"):
        sealed.Reader(warm).afford()


def test_many_files_in_deep_folders_are_told_in_few_words():
    files = [Unused(f"{'d' * 250}/" * 9 + f"{i}.txt", "no work") for i in range(500)]
    told = listed(files)
    assert sum(len(label) + len(reason) for label, reason in told) < 20_000
    assert told[0][0].startswith("…d") and told[0][0].endswith("d/0.txt")
    assert told[-1] == ["450 more", "not listed"] and len(told) == 51
    assert listed([Unused("a.txt", "no work")]) == [["a.txt", "no work"]]


def test_a_path_in_an_archive_is_told_in_few_words_wherever_it_is_named(tmp_path):
    answers = {name: f"def {name}(x):\n    return x\n" for name in ("scores", "dot_shape")}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/" * 30_000 + "x.py", "".join(answers.values()))
        for i in range(50):
            archive.writestr(f"{i}.py", f"{answers['scores']}# {i}")
    work = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading())
    assert work.used["00"].label.endswith("a/x.py")
    told = listed(work.unused)
    assert len(told) == 50 and sum(len(a) + len(b) for a, b in told) < 50_000


@pytest.mark.parametrize("name", ["\u0161" * 880, "a/" * 440], ids=["letters", "folders"])
def test_many_long_names_in_an_archive_cost_little(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(4_000):
            archive.writestr(f"{'x' * 880}{i}.py", "")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"x" * 880, name.encode("cp1252")))
    began = time.process_time()
    digest(tmp_path)
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize("end", [b"", b"PK\x05\x06"], ids=["true", "an end within the end"])
def test_an_archive_with_a_long_table_is_told_and_costs_no_time(tmp_path, end):
    extra = (b"\xfe\xca\x00\x00" * 16_383)[: (1 << 16) - 4]  # as many empty fields as there can be
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(100):
            info = zipfile.ZipInfo(f"{i}.py")
            info.extra = extra
            archive.writestr(info, "x = 1")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    if end:  # whose table has no bytes
        data[-18:-14], data[-6:-2] = end, bytes(4)
    (tmp_path / "a.zip").write_bytes(data)
    began = time.process_time()
    (file,) = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading()).unused
    assert time.process_time() - began < 1
    assert "table is longer than its files need" in file.reason


def test_an_archive_whose_files_are_one_and_the_same_is_told(tmp_path):
    """A long stream that comes to one byte, under five hundred names."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("long.py", "x" * 100_000)
        for i in range(20):
            archive.writestr(f"{i}.py", "")
            info = archive.infolist()[-1]
            first = archive.infolist()[0]
            info.header_offset, info.compress_size = first.header_offset, first.compress_size
    (file,) = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading()).unused
    assert "overlap" in file.reason


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_of_an_archive_that_is_not_what_its_table_says_is_broken(tmp_path, packed):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("00_start_here.py", RIGHT)
        archive.writestr("empty.py", "")
    work = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading())
    assert work.used["00"].label == "a.zip/00_start_here.py"
    data = bytearray(path.read_bytes())
    place = data.find(b"00_start_here.py") + len("00_start_here.py") + 9
    data[place] ^= 1
    path.write_bytes(data)
    reasons = [
        each.reason for each in find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading()).unused
    ]
    assert any("a broken archive" in reason for reason in reasons)


def test_only_work_names_chapters(tmp_path):
    for name in ("photo_15_16_.jpg", "03_notes.pdf", "04_masks.ipynb"):
        (tmp_path / name).write_text("{}")
    assert mentioned(tmp_path) == {"04"}


def test_many_copies_of_a_long_notebook_are_looked_at_once(tmp_path, monkeypatch):
    seen = []
    plain = looking.definitions
    monkeypatch.setattr(looking, "definitions", lambda text: seen.append(text) or plain(text))
    for i in range(9):
        (tmp_path / f"{i}.py").write_text(RIGHT)
    work = find_work(tmp_path, [chapter_facts(ROOT, "00")], Reading())
    assert len(seen) == 1 and work.used["00"].answers == 1 and len(work.unused) == 8
    assert all(each.reason.startswith("the same as `") for each in work.unused)


def test_what_it_takes_to_judge_an_answer_is_spent_too(warm, monkeypatch, tmp_path):
    def slowly(sheet, report, limits):
        began = time.process_time()
        while time.process_time() < began + 0.5:
            pass
        return judge_report(sheet, report, limits)

    monkeypatch.setattr(grading, "judge_report", slowly)
    path = notebook(tmp_path / "00_a.ipynb", (RIGHT, ID))
    (graded,) = grade_submission(warm, path, [ID], 7)
    assert graded.verdict.state == "right" and graded.spent > 0.5 + graded.report.seconds
