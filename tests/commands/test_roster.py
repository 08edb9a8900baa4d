"""A class with exercises of their own: handed out, solved, copied, edited, graded, appealed."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

from course_lib.cli import main
from course_lib.commands.build import notebook_of, text_of
from course_lib.grader.book.gradebook import all_rows, label
from course_lib.grader.book.students import beside, for_release
from course_lib.grader.course.files import (
    exercises,
    find,
    is_answer,
    load_solution,
    sheet_for,
    solution_cells,
)
from course_lib.grader.judging.verdict import judge
from course_lib.grader.running import seal
from course_lib.notebooks import read_cells, with_solution
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()
strong = pytest.mark.skipif(LEVEL != "strong", reason=REASON)
PADDING = "04.padding-mask"
NAMES = [f"s{i:02d}" for i in range(18)] + ["Dijkstra, Edsger", "=cmd|calc"]


def handed_out(folder, names, seed=918273645546372820):
    """A list with a known seed, so that it is known who differs from whom."""
    roster = folder / "class.txt"
    roster.write_text("\n".join(names))
    beside(roster).write_text(json.dumps({"seed": seed, "choices": {}}))
    return roster, for_release(roster, exercises(ROOT))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """What the instructor has after `course release`: archives, the list, and the draw."""
    folder = tmp_path_factory.mktemp("home")
    roster, draw = handed_out(folder, NAMES[-4:])
    arguments = ["release", str(folder / "class"), "--chapters", "04", "--roster", str(roster)]
    assert main(arguments) == 0
    return folder, draw


def unpacked(home, student, folder):
    with zipfile.ZipFile(home / "class" / f"{label(student)}.zip") as archive:
        names = archive.namelist()
        assert len(set(names)) == len(names) > 50
        assert all(name.startswith("class/") and ".." not in name for name in names)
        archive.extractall(folder)
    return folder / "class"


def cells_of(student, draw):
    """What is a student's own in chapter 04, solved; to solve the rest takes minutes to grade."""
    values = draw.values(student)
    cells = [
        c for c in solution_cells(ROOT, "04", values) if not is_answer(c) or {*c.tags} & {*values}
    ]
    return [type(c)(c.kind, with_solution(c.source), c.tags) for c in cells]


def hand_in(folder, student, cells):
    (folder / student).mkdir(parents=True)
    (folder / student / "04_masks.ipynb").write_text(text_of(notebook_of(cells)))


def test_twenty_students_pass_with_their_own_values(tmp_path):
    _, draw = handed_out(tmp_path, NAMES)
    assert len({json.dumps(draw.values(name)) for name in NAMES}) == len(NAMES) == 20
    for student in NAMES:
        for id, values in draw.values(student).items():
            own = find(ROOT, id)[1].with_values(values)
            assert judge(sheet_for(ROOT, id, 9, values), load_solution(ROOT, own)).state == "right"


def test_everybody_gets_one_archive_with_their_own_values_shown(home, tmp_path):
    folder, draw = home
    assert sorted(p.stem for p in (folder / "class").iterdir()) == sorted(map(label, NAMES[-4:]))
    for student in NAMES[-4:]:
        bundle = unpacked(folder, student, tmp_path / label(student))
        pad_id = draw.values(student)[PADDING]["pad_id"]
        cells = read_cells(bundle / "exercises/04_masks.ipynb")
        stub = next(c for c in cells if PADDING in c.tags)
        text = next(c for c in cells if c.source.startswith(f"## {PADDING}"))
        assert f"def padding_mask(ids, pad_id={pad_id}):" in stub.source
        assert f"where a call doesn't say, it is {pad_id}." in text.source
        assert "course.py" in os.listdir(bundle) and (bundle / f"sheets/{PADDING}.sheet").exists()


def test_neither_the_seed_nor_another_name_is_in_a_bundle(home, tmp_path):
    folder, draw = home
    bundle = unpacked(folder, "s17", tmp_path)
    assert not [p for p in bundle.rglob("*") if "values.json" in p.name or p.name == "class.txt"]
    for path in (p for p in bundle.rglob("*") if p.is_file()):
        data = path.read_bytes()
        secret = ("Edsger", "=cmd|calc", str(draw.seed))
        assert not any(text.encode() in data for text in secret), path


def test_what_does_not_differ_is_the_same_as_without_a_list(home, tmp_path):
    assert main(["release", str(tmp_path / "plain"), "--chapters", "04"]) == 0
    bundle, plain = unpacked(home[0], "s17", tmp_path), tmp_path / "plain"
    files = {p.relative_to(plain) for p in plain.rglob("*") if p.is_file()}
    assert files == {p.relative_to(bundle) for p in bundle.rglob("*") if p.is_file()}
    differ = {str(f) for f in files if (plain / f).read_bytes() != (bundle / f).read_bytes()}
    assert differ == {"exercises/04_masks.ipynb", f"sheets/{PADDING}.sheet"}
    handed, ours = (read_cells(top / "exercises/04_masks.ipynb") for top in (plain, ROOT))
    assert handed[:-1] == ours[:-1]
    # where 05 isn't handed out, the last cell leads back, and not on
    assert ours[-1].source.startswith(f"{handed[-1].source} | ") and "05" not in handed[-1].source


def test_a_check_in_a_bundle_goes_by_the_students_own_values(home, tmp_path):
    folder, draw = home
    bundle = unpacked(folder, "s17", tmp_path)
    own = draw.values("s17")[PADDING]["pad_id"]
    script = tmp_path / "try.py"
    answer = "return (ids != pad_id)[:, None, None, :]"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(bundle)!r})\n"
        "from course_lib.check import check\n"
        f"def padding_mask(ids, pad_id={own}): {answer}\n"
        f"print(check({PADDING!r}, padding_mask))\n"
        f"def padding_mask(ids, pad_id={3 if own != 3 else 5}): {answer}\n"
        f"print(check({PADDING!r}, padding_mask))\n"
    )
    env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=env, cwd=tmp_path
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"[right] {PADDING}")
    assert (
        f"[wrong] {PADDING}" in told.stdout and f"your exercise says pad_id = {own}" in told.stdout
    )


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """s00 solved it, s01 handed in s00's notebook, s02 changed the number, zoe is not listed."""
    folder = tmp_path_factory.mktemp("graded")
    roster, draw = handed_out(folder, NAMES)
    work, book = folder / "submissions", folder / "book"
    assert draw.values("s00")[PADDING] != draw.values("s01")[PADDING]
    hand_in(work, "s00", cells_of("s00", draw))
    hand_in(work, "s01", cells_of("s00", draw))
    own = f"pad_id={draw.values('s02')[PADDING]['pad_id']}"
    edited = [
        type(c)(c.kind, c.source.replace(own, "pad_id=99"), c.tags) for c in cells_of("s02", draw)
    ]
    hand_in(work, "s02", edited)
    hand_in(work, "Dijkstra, Edsger", cells_of("Dijkstra, Edsger", draw))
    hand_in(work, "zoe", cells_of("s00", draw))
    arguments = ["grade", str(work), "--chapters", "04"]
    status = main([*arguments, "--out", str(book), "--roster", str(roster), "--seed", "5"])
    return arguments, book, draw, roster, status


def lines(book, id=PADDING):
    return {row["student"]: row for row in all_rows(book) if row["exercise"] == id}


@strong
def test_own_values_pass_and_a_copy_is_named(graded):
    _, book, draw, _, status = graded
    rows = lines(book)
    assert {s: r["verdict"] for s, r in rows.items()} == {
        "s00": "right", "s01": "wrong", "s02": "wrong", "Dijkstra, Edsger": "right",
    }  # fmt: skip
    theirs, own = (draw.values(s)[PADDING]["pad_id"] for s in ("s00", "s01"))
    assert (
        rows["s01"]["says"]
        == f"the code goes by pad_id = {theirs}; your exercise says pad_id = {own}"
    )
    assert rows["s01"]["details"][0] == f"your code says `pad_id = {theirs}`; yours is {own}"
    assert status == 1, "zoe is not on the list"


@strong
def test_an_edited_number_is_told(graded):
    _, book, draw, _, _ = graded
    own = draw.values("s02")[PADDING]["pad_id"]
    told = f"your code says `pad_id = 99`; yours is {own}"
    assert lines(book)["s02"]["details"][0] == told
    feedback = (book / "feedback" / "s02.md").read_text()
    assert f"pad\\_id = 99\\`; yours is {own}" in feedback
    assert f"Handed out with pad\\_id = {own}." in feedback


@strong
def test_lines_carry_the_values_drawn(graded):
    _, book, draw, _, _ = graded
    for id in ("04.padding-mask", "04.causal-mask"):
        for student, row in lines(book, id).items():
            assert row["values"] == draw.values(student).get(id, {})


@strong
def test_who_is_not_on_the_list_is_not_graded_with_somebodys_values(graded, capsys):
    arguments, book, _, _, _ = graded
    assert main([*arguments, "--out", str(book)]) == 1
    told = capsys.readouterr()
    assert "not graded: zoe (not on the list of students)" in told.err
    assert "0 to grade, 4 graded already" in told.out and "4 of 5 students" in told.out


@strong
def test_resumed_grading_and_an_appeal_say_the_same(graded, tmp_path, capsys, same_lanes):
    """The gradebook knows the values by itself; another one needs the list and the seed."""
    arguments, book, _, roster, _ = graded
    before = {p.name: p.read_text() for p in (book / "results").iterdir()}
    (book / "results" / "s01.jsonl").unlink()
    assert main([*arguments, "--out", str(book)]) == 1
    assert "1 to grade, 3 graded already" in capsys.readouterr().out
    for path in (book / "results").iterdir():
        again = [same(json.loads(line)) for line in path.read_text().splitlines()]
        assert again == [same(json.loads(line)) for line in before[path.name].splitlines()]
    appeal = [*arguments, "--out", str(book), "--student", "s01", "--seed", "5"]
    assert main(appeal) == 0 and "s01: same verdicts" in capsys.readouterr().out
    fresh = ["--out", str(tmp_path / "b"), "--roster", str(roster), "--student", "s01"]
    assert main([*arguments, *fresh, "--seed", "5"]) == 0
    assert same(lines(tmp_path / "b")["s01"]) == same(lines(book)["s01"])


def same(row):
    return {key: value for key, value in row.items() if key not in ("seconds", "submitted")}


@strong
def test_a_list_given_late_grades_anew(graded, tmp_path, capsys, same_lanes):
    arguments, _, draw, roster, _ = graded
    book = tmp_path / "late"
    one = [*arguments, "--out", str(book), "--student", "s00"]
    own = draw.values("s00")[PADDING]["pad_id"]
    assert main(one) == 0
    assert lines(book)["s00"]["verdict"] == ("right" if own == 3 else "wrong")
    assert main([*arguments, "--out", str(book), "--roster", str(roster)]) == 1
    assert "4 to grade, 0 graded already" in capsys.readouterr().out
    assert lines(book)["s00"]["verdict"] == "right"


def test_a_lost_seed_stops_grading_and_says_what_is_lost(tmp_path, capsys):
    (tmp_path / "submissions" / "ada").mkdir(parents=True)
    (tmp_path / "class.txt").write_text("ada\n")
    book = tmp_path / "book"
    arguments = ["grade", str(tmp_path / "submissions"), "--out", str(book), "--chapters", "04"]
    assert main([*arguments, "--roster", str(tmp_path / "class.txt")]) == 2
    assert "class.txt.values.json is not there: it has the seed" in capsys.readouterr().err
    assert not book.exists()


@pytest.mark.parametrize("names, told", [("../x\n", "can't be the name"), ("", "nobody")])
def test_a_list_that_cannot_be_used_makes_no_bundle(tmp_path, capsys, names, told):
    (tmp_path / "class.txt").write_text(names)
    out = tmp_path / "class"
    assert main(["release", str(out), "--roster", str(tmp_path / "class.txt")]) == 2
    assert told in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["class.txt"]


def test_a_folder_that_exists_is_never_overwritten(tmp_path, capsys):
    (tmp_path / "class").mkdir()
    (tmp_path / "class.txt").write_text("ada\n")
    arguments = ["release", str(tmp_path / "class"), "--roster", str(tmp_path / "class.txt")]
    assert main(arguments) == 2 and "exists already" in capsys.readouterr().err
    assert not beside(tmp_path / "class.txt").exists()


def test_names_stay_in_the_folder_of_archives(tmp_path):
    names = ["=cmd|calc", "..x", "a" * 200, "ünï", "-rf"]
    (tmp_path / "class.txt").write_text("\n".join(names))
    out = tmp_path / "class"
    assert (
        main(["release", str(out), "--chapters", "00", "--roster", str(tmp_path / "class.txt")])
        == 0
    )
    assert len(list(out.iterdir())) == 5 and len(list(tmp_path.iterdir())) == 3
