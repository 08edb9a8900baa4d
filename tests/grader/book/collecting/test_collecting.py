"""From an archive to folders: whose, when, and nothing of a student's ever lost."""

import unicodedata
import zipfile
from collections import Counter

import pytest

from course_lib.grader.book.came import load_came
from course_lib.grader.book.collecting import versions, writing
from course_lib.grader.book.collecting.members import CollectError, opened
from course_lib.grader.book.collecting.placing import planned
from course_lib.grader.book.collecting.versions import chapter_of, safe
from course_lib.grader.book.collecting.writing import write
from course_lib.grader.book.exports.people import load_people
from course_lib.grader.book.times import Told, load_times

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section\n"
    '"Lovelace, Ada",101,S-1,ada,A\n"Babbage, Bob",102,101,bob,A\n'
)
MOODLE = "First name,Last name,Email address\nAda,Lovelace,ada@u.edu\nBob,O’Brien,bob@u.edu\n"
ADA = "lovelaceada_101_9876_02_attention-1.ipynb"
BOB = "babbagebob_LATE_102_9877_02_attention.ipynb"


@pytest.fixture
def collect(tmp_path):
    """Collect files, given by name, into `out`; returns the plan and what was done."""

    def run(files, roster=None, out="out", spoil=b"", hour=0):
        path = tmp_path / "work.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name, (2026, 12, 1, hour, 0, 0)), data)
        if spoil:
            path.write_bytes(path.read_bytes().replace(spoil, spoil[::-1]))
        if roster:
            (tmp_path / "roster.csv").write_text(roster)
        people = load_people(tmp_path / "roster.csv") if roster else None
        with opened(path) as archive:
            plan = planned(archive, people)
            done = write(plan, tmp_path / out, people, ("00", "02", "03")) if plan.placed else None
            return plan, done

    return run


def files_in(folder):
    found = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_canvas_with_a_list_gives_accounts_and_late_without_a_time(collect, tmp_path):
    plan, done = collect({ADA: "a", BOB: "b"}, CANVAS)
    assert files_in(tmp_path / "out") == {
        "ada/02_attention-1.ipynb": "a", "bob/02_attention.ipynb": "b",
    }  # fmt: skip
    assert load_times(tmp_path / "out") == {("ada", "02"): Told(""), ("bob", "02"): Told("", True)}
    assert not plan.left and not plan.notes
    assert done.late == {"bob"} and done.timeless == {"ada", "bob"}


def test_canvas_without_a_list_is_named_so_that_an_export_finds_it(collect, tmp_path):
    collect({ADA: "a", "anon_Ab3dE_7_02.py": "x"})
    assert set(files_in(tmp_path / "out")) == {
        "lovelaceada_101/02_attention-1.ipynb", "anon_Ab3dE/02.py",
    }  # fmt: skip
    (tmp_path / "roster.csv").write_text(CANVAS)
    people = load_people(tmp_path / "roster.csv")
    assert [p.account for p in people.known_as("lovelaceada_101")] == ["ada"]


def test_a_folder_around_it_and_a_stray_notebook_change_nothing(collect, tmp_path):
    plan, _ = collect({f"submissions/{name}": "x" for name in (ADA, BOB, "mine.ipynb")}, CANVAS)
    assert set(files_in(tmp_path / "out")) == {"ada/02_attention-1.ipynb", "bob/02_attention.ipynb"}
    assert [name for name, _ in plan.left] == ["mine.ipynb"]


def test_who_is_not_on_the_list_is_told_and_not_guessed(collect, tmp_path):
    names = ["zoe_999_1_02.ipynb", "anon_Ab3dE_7_02.py", "02_attention.ipynb", ADA]
    plan, _ = collect(dict.fromkeys(names, "x"), CANVAS)
    assert dict(plan.left) == {
        "zoe_999_1_02.ipynb": "no line of roster.csv has ID 999",
        "anon_Ab3dE_7_02.py": "no line of roster.csv has ID Ab3dE",
        "02_attention.ipynb": "it is in no student's folder, and its name names nobody",
    }
    assert set(files_in(tmp_path / "out")) == {"ada/02_attention-1.ipynb"}


def test_a_groups_work_goes_to_the_student_of_the_number_and_is_told(collect, tmp_path):
    plan, _ = collect({"team_2_102_9877_02.ipynb": "x"}, CANVAS)
    assert set(files_in(tmp_path / "out")) == {"bob/02.ipynb"}
    assert plan.notes[0].startswith("team_2_102: given to bob for the number, though the name is")


def test_a_canvas_archive_with_a_list_that_has_no_canvas_number_goes_by_name(collect, tmp_path):
    collect({ADA: "a"}, MOODLE)
    assert set(files_in(tmp_path / "out")) == {"ada@u.edu/02_attention-1.ipynb"}


def test_moodle_goes_by_name_and_two_of_one_name_are_told(collect, tmp_path):
    form = "{}_{}_assignsubmission_file_/{}".format
    files = {
        form("Ada Lovelace", 1, "02_attention.ipynb"): "a",
        form("Bob O'Brien", 2, "x/y/02_attention.ipynb"): "b",
        form("Bob O'Brien", 2, "z/02_attention.ipynb"): "c",
        "Ada Lovelace_1_assignsubmission_onlinetext_/onlinetext.html": "t",
    }
    plan, _ = collect(files, MOODLE)
    assert files_in(tmp_path / "out") == {
        "ada@u.edu/02_attention.ipynb": "a",
        "bob@u.edu/02_attention.ipynb": "b",
        "bob@u.edu/02_attention-2.ipynb": "c",
    }
    assert plan.unused == [*files][3:] and not plan.left
    twice = {form("Ada Lovelace", n, "02_attention.ipynb"): str(n) for n in (1, 2)}
    for roster in (MOODLE, None):
        plan, _ = collect(twice | {form("Cy", 3, "02.py"): "c"}, roster, f"out {roster}")
        assert [why for _, why in plan.left][:2] == [
            "two people are called so; a list of students with Moodle's Identifier tells them apart"
        ] * 2
    worksheet = (
        "Identifier,Full name,Email address\n"
        "Participant 1,Ada Lovelace,a1@u.edu\nParticipant 2,Ada Lovelace,a2@u.edu\n"
    )
    collect(twice, worksheet, "numbered")
    assert files_in(tmp_path / "numbered") == {
        "a1@u.edu/02_attention.ipynb": "1", "a2@u.edu/02_attention.ipynb": "2",
    }  # fmt: skip


WORKSHEET = "Identifier,Full name,Email address\nParticipant 17,José O’Brien,jo@u.edu\n"


def test_a_groups_number_in_moodle_is_no_students(collect, tmp_path):
    form = "{}_17_assignsubmission_file_/02.py".format
    plan, _ = collect({form("Group A"): "g", form("Jose OBrien"): "j"}, WORKSHEET)
    assert files_in(tmp_path / "out") == {"jo@u.edu/02.py": "j"}
    ((_, why),) = plan.left
    assert why.startswith("its number is José O’Brien's, and its name is another: a group's")


@pytest.mark.parametrize("word", ["Participant", "Teilnehmerin", "Participante"])
@pytest.mark.parametrize("roster", [None, "ID,Status\nTeilnehmer/in1,x\nTeilnehmer/in2,y\n"])
def test_blind_marking_in_moodle_has_folders_of_participants(collect, tmp_path, word, roster):
    plan, _ = collect({f"{word}_{n}_assignsubmission_file_/02.py": str(n) for n in (1, 2)}, roster)
    there = {"Participant 1/02.py": "1", "Participant 2/02.py": "2"}
    assert files_in(tmp_path / "out") == there and not plan.left


ACCENTS = "First name,Last name,Email address\nJosé,Müller,jo@u.edu\nŁucja,Åström,lu@u.edu\n"


@pytest.mark.parametrize(
    "names",
    [
        ("Jose Muller", "Lucja Astrom"),
        ("MUELLER Jose", "Aastroem, Lucja"),
        ("Müller, José", "ÅSTRÖM Łucja"),
        tuple(unicodedata.normalize("NFD", name) for name in ("José Müller", "Łucja Åström")),
    ],
)
def test_names_without_accents_and_in_another_order_are_found(collect, names):
    files = {f"{n}_{i}_assignsubmission_file_/02.py": n for i, n in enumerate(names)}
    plan, _ = collect(files, ACCENTS)
    assert [each.student for each in plan.placed] == ["jo@u.edu", "lu@u.edu"] and not plan.left


@pytest.mark.parametrize("name", ["Aase Oedegaard", "Ase Odegard", "Åse Ødegård"])
@pytest.mark.parametrize("other", ["Bjorn Thorsson", "Bjoern Thorsson"])
def test_letters_of_the_north_are_written_out(collect, name, other):
    roster = "First name,Last name,Email address\nÅse,Ødegård,a@u\nBjörn,Þórsson,b@u\n"
    plan, _ = collect({f"{name}/02.py": "x", f"{other}/02.py": "y"}, roster)
    assert [each.student for each in plan.placed] == ["a@u", "b@u"] and not plan.notes


def test_several_names_of_one_student_are_told(collect):
    roster = "First name,Last name,Email address\nJørgen,Müller,jm@u\nX,Y,x@u\n"
    files = dict.fromkeys(["Jørgen Müller/02.py", "Jorgen Mueller/02.py", "X Y/02.py"], "x")
    plan, _ = collect(files, roster)
    assert plan.notes == [
        "`Jorgen Mueller` and `Jørgen Müller` are put into one folder, as Müller, Jørgen (jm@u)"
    ]


def test_a_name_that_may_have_lost_its_accents_is_told(collect):
    roster = "First name,Last name,Email address\nJosé,García,j1@u\nJose,Garcia,j2@u\n"
    form = "Jose Garcia_11_assignsubmission_file_/02.py"
    plan, _ = collect({form: "x"}, roster)
    assert [each.student for each in plan.placed] == ["j2@u"]
    assert plan.notes == [
        "`Jose Garcia` is taken for Garcia, Jose (j2@u); spelled otherwise it could be "
        "García, José (j1@u), of whom nothing is here"
    ]
    plan, _ = collect(
        {form: "x", "José García_12_assignsubmission_file_/02.py": "y"}, roster, "both"
    )
    assert not plan.notes and len(plan.placed) == 2
    by_number = "Identifier,Full name,Email address\n"
    by_number += "Participant 11,Jose Garcia,j2@u\nParticipant 12,José García,j1@u\n"
    assert not collect({form: "x"}, by_number, "numbered")[0].notes


@pytest.mark.parametrize(
    "names",
    [
        ("Li Ming_1_assignsubmission_file_/a.py", "Ming Li_2_assignsubmission_file_/b.py"),
        ("mingli_101_7_a.py", "liming_102_8_b.py"),
    ],
)
def test_two_numbers_of_one_name_are_two_people(collect, names):
    """One of them is on the list; the other's work is not to become theirs."""
    moodle = "_file_" in names[0]
    other = "Cy Hopper_3_assignsubmission_file_/c.py" if moodle else "cyhopper_9_9_c.py"
    roster = "First name,Last name,Email address\nMing,Li,li@u.edu\nCy,Hopper,cy@u.edu\n"
    plan, _ = collect(dict.fromkeys([*names, other], "x"), roster)
    assert [each.student for each in plan.placed] == ["cy@u.edu"]
    assert [name for name, _ in plan.left] == [*names]
    assert all("two numbers of the platform" in why for _, why in plan.left)


def test_names_that_differ_in_capitals_share_a_folder_on_many_systems(collect):
    names = ("Wei Zhang_1", "wei zhang_2", "Cy_3")
    plan, _ = collect({f"{n}_assignsubmission_file_/02.py": "x" for n in names})
    assert len(plan.left) == 2 and all("two people" in why for _, why in plan.left)


def test_blackboard_tells_times_and_the_newest_attempt_counts(collect, tmp_path):
    form = "Attention_b_ob_attempt_2026-12-{}-09-30-00{}".format
    files = {
        form("03", "_02_attention.ipynb"): "new",
        form("01", "_02_attention.ipynb"): "old",
        form("01", ".txt"): "note",
    }
    plan, done = collect(files, "Username,Last Name\nB_OB,Babbage\nxy,Hopper\n")
    out = tmp_path / "out" / "B_OB"
    assert {p.name: p.read_text() for p in out.iterdir()} == {
        "02_attention-earlier-1.ipynb": "old", "02_attention.ipynb": "new",
    }  # fmt: skip
    newest = max(out.iterdir(), key=lambda path: path.stat().st_mtime)
    assert newest.name == "02_attention.ipynb"
    (told,) = load_times(tmp_path / "out").values()
    assert told.submitted.startswith("2026-12-03T09:30:00") and not done.timeless
    assert plan.litter == {"Blackboard's notes": 1} and not plan.unused


def test_accounts_that_both_fit_are_told(collect):
    plan, _ = collect({"A_b_ob_attempt_2026-12-01-09-30-00_02.py": "x"}, "Username\nob\nb_ob\n")
    ((_, why),) = plan.left
    assert why == "more than one match in roster.csv: ob (ob); b_ob (b_ob)"


LIKE_BOB = {
    "its own": "A_bob_attempt_2026-12-09-09-30-00_02_attention.ipynb",
    "Moodle's": "Bob Babbage_102_assignsubmission_file_02_attention.ipynb",
    "Canvas's": "babbagebob_102_9_02_attention.ipynb",
}
FORMS = {
    "Blackboard": ("A_{}_attempt_2026-12-01-09-30-00_{}", ("ada", "bob"), "Username\nada\nbob\n"),
    "Canvas": ("{}_7_{}", ("lovelaceada_101", "babbagebob_102"), CANVAS),
    "Moodle": (
        "{}_assignsubmission_file_{}",
        ("Ada Lovelace_101", "Bob Babbage_102"),
        "Identifier,Full name,Username\n"
        "Participant 101,Ada Lovelace,ada\nParticipant 102,Bob Babbage,bob\n",
    ),
}


@pytest.mark.parametrize("platform", FORMS)
@pytest.mark.parametrize("like", LIKE_BOB)
def test_no_name_of_a_file_puts_it_into_anothers_folder(collect, tmp_path, platform, like):
    form, (ada, bob), roster = FORMS[platform]
    collect({form.format(ada, LIKE_BOB[like]): "a", form.format(bob, "02.py"): "b"}, roster)
    found = files_in(tmp_path / "out")
    assert [text for name, text in found.items() if name.startswith("bob/")] == ["b"]
    assert [text for name, text in found.items() if name.startswith("ada/")] == ["a"]
    assert all("12-09" not in t.submitted for t in load_times(tmp_path / "out").values())


@pytest.mark.parametrize("like", LIKE_BOB)
@pytest.mark.parametrize("platform", FORMS)
def test_nor_where_it_is_the_only_file(collect, tmp_path, platform, like):
    form, (ada, _), roster = FORMS[platform]
    collect({form.format(ada, LIKE_BOB[like]): "a"}, roster)
    assert not (tmp_path / "out" / "bob").exists()


@pytest.mark.parametrize("wrapper", ["", "submissions/"])
def test_a_zip_of_folders_with_or_without_one_around_it(collect, tmp_path, wrapper):
    names = ["ada/02_attention.ipynb", "bob/deep/02_attention.py", "bob/report.pdf"]
    plan, done = collect({wrapper + name: name for name in names})
    assert set(files_in(tmp_path / "out")) == {
        "ada/02_attention.ipynb", "bob/02_attention.py", "bob/report.pdf",
    }  # fmt: skip
    assert not plan.left and done.work == {"ada", "bob"}


def test_the_only_student_is_no_wrapper(collect, tmp_path):
    collect({"ada/02_attention.ipynb": "x", "ada/more/helper.py": "y"})
    collect({"ada/work/02_attention.ipynb": "x"}, "student\nada\nbob\n", "listed")
    assert set(files_in(tmp_path / "out")) == {"ada/02_attention.ipynb", "ada/helper.py"}
    assert set(files_in(tmp_path / "listed")) == {"ada/02_attention.ipynb"}


def test_a_newer_submission_has_its_name_and_the_earlier_one_stands_beside(collect, tmp_path):
    collect({ADA.replace("-1", ""): "v1", BOB: "b", "lovelaceada_101_3_photo.png": "p"}, CANVAS)
    late = ADA.replace("_101_", "_LATE_101_")
    _, done = collect({late: "v2", BOB: "b", "lovelaceada_101_9_03_x.py": "3"}, CANVAS, hour=1)
    there = {
        "ada/02_attention-earlier-1.ipynb": "v1",
        "ada/02_attention-1.ipynb": "v2",
        "ada/03_x.py": "3",
        "ada/photo.png": "p",
        "bob/02_attention.ipynb": "b",
    }
    assert files_in(tmp_path / "out") == there
    times = load_times(tmp_path / "out")
    assert times["ada", "02"] == Told("", True) and times["ada", "03"] == Told("")
    assert done.replaced == ["ada 02"] and done.same == {"bob": 1}
    assert done.aside == ["ada/02_attention.ipynb: now 02_attention-earlier-1.ipynb"]
    _, done = collect({late: "v2", BOB: "b"}, CANVAS, hour=1)
    assert files_in(tmp_path / "out") == there and not done.new and not done.replaced


def test_an_older_archive_that_comes_later_takes_nothings_place(collect, tmp_path):
    collect({ADA: "v2"}, CANVAS, hour=2)
    for _ in range(2):
        _, done = collect({ADA.replace("_101_", "_LATE_101_"): "v1"}, CANVAS)
        assert files_in(tmp_path / "out") == {
            "ada/02_attention-1.ipynb": "v2", "ada/02_attention-1-earlier-1.ipynb": "v1",
        }  # fmt: skip
        assert load_times(tmp_path / "out") == {("ada", "02"): Told("")} and not done.aside
    assert done.same == {"ada": 1}


def test_who_goes_back_to_an_earlier_version_has_that_one(collect, tmp_path):
    for hour, version in enumerate(("v1", "v2", "v1")):
        collect({ADA: version, "lovelaceada_101_5_02_helper.py": "h"}, CANVAS, hour=hour)
    ada = tmp_path / "out" / "ada"
    current = {p.name: p.read_text() for p in ada.iterdir() if "-earlier-" not in p.name}
    assert current == {"02_attention-1.ipynb": "v1", "02_helper.py": "h"}
    earlier = sorted(p.read_text() for p in ada.iterdir() if "attention-1-earlier-" in p.name)
    assert earlier == ["v1", "v2"]


def test_what_the_instructor_wrote_of_the_same_work_stays(collect, tmp_path):
    collect({ADA: "v1", BOB: "b"}, CANVAS)
    own = "student,submitted\nada,2026-12-01T09:30:00\nbob,2026-12-04T09:30:00\n"
    (tmp_path / "out" / "submitted.csv").write_text(own)
    collect({ADA: "v1", BOB: "b"}, CANVAS)
    assert set(load_times(tmp_path / "out")) == {("ada", ""), ("bob", "")}


def test_a_crash_half_way_is_mended_by_the_same_command(collect, tmp_path, monkeypatch):
    collect({ADA: "v1"}, CANVAS)
    more = {ADA: "v2", BOB: "b"}
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_move_into", lambda made, out, folders: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            collect(more, CANVAS)
    assert set(files_in(tmp_path / "out")) == {"ada/02_attention-1.ipynb"}
    collect(more, CANVAS)
    assert set(files_in(tmp_path / "out").values()) == {"v1", "v2", "b"}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_crash_at_the_first_time_leaves_nothing(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "add_times", lambda made, times: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        collect({ADA: "v1"}, CANVAS)
    assert {path.name for path in tmp_path.iterdir()} == {"work.zip", "roster.csv"}


def test_another_folder_and_another_class_are_refused(collect, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(CollectError, match="is not empty, and `course collect` didn't make it"):
        collect({ADA: "a"}, CANVAS, "mine")
    collect({ADA: "a"}, CANVAS)
    with pytest.raises(CollectError, match=r"another class: none of its 1 students is in roster"):
        collect({"zoe_7_1_02.py": "x"}, "Student,ID,Section,SIS Login ID\nZoe,7,A,zoe\n")
    with pytest.raises(CollectError, match="its folders are named by a list, these would be named"):
        collect({ADA: "b"})
    assert files_in(tmp_path / "out") == {"ada/02_attention-1.ipynb": "a"}
    assert (tmp_path / "mine" / "notes.txt").read_text() == "x"


def test_a_name_that_no_folder_can_have_is_told(collect):
    names = ["a:b/02.py", "x" * 250 + "/02.py", "Submitted.csv/02.py", "ada/02.py"]
    plan, _ = collect(dict.fromkeys(names, "x"))
    assert [name for name, _ in plan.left] == names[:3]
    assert {why for _, why in plan.left} == {"its student's name can't be the name of a folder"}


def test_a_name_that_a_spreadsheet_would_compute_is_told(collect):
    formula = "=WEBSERVICE(CONCATENATE(CHAR(104),A2))"
    plan, _ = collect({f"{formula}/02_attention.py": "x", "@ada/02_attention.py": "x"})
    assert [each.student for each in plan.placed] == ["@ada"]
    assert any("for a formula" in why for _, why in plan.left)


def test_an_account_that_leads_elsewhere_is_told(collect, tmp_path):
    plan, _ = collect({"S-1/02.py": "x", "bob/02.py": "y"}, CANVAS.replace(",ada,", ",../../x,"))
    assert [name for name, _ in plan.left] == ["S-1/02.py"]
    assert files_in(tmp_path / "out") == {"bob/02.py": "y"}


def test_an_empty_folder_may_be_the_target(collect, tmp_path):
    (tmp_path / "out").mkdir()
    collect({ADA: "a"}, CANVAS)
    assert files_in(tmp_path / "out") == {"ada/02_attention-1.ipynb": "a"}


def test_a_file_that_is_damaged_is_told_and_the_rest_is_written(collect, tmp_path):
    plan, done = collect({ADA: "work of ada", BOB: "b"}, CANVAS, spoil=b"work of ada")
    ((name, why),) = plan.left
    assert name == ADA and why.startswith("it is damaged")
    assert files_in(tmp_path / "out") == {"bob/02_attention.ipynb": "b"} and done.new == {"bob": 1}


@pytest.mark.parametrize(
    "name, data, chapter",
    [
        ("02_attention-1.ipynb", b"", "02"),
        ("02.ipynb", b"", "02"),
        ("2026_work.ipynb", b'"tags": ["05.split-heads"]', "05"),
        ("work.py", b"# %% tags=['03.queries']\n", "03"),
        ("work.ipynb", b'"03.a" "04.b" "04.c"', "04"),
        ("report.pdf", b"%PDF-1.7", ""),
    ],
)
def test_a_chapter_is_known_by_the_name_or_by_the_ids_of_cells(name, data, chapter):
    assert chapter_of(name, data) == chapter


def test_a_picture_beside_a_notebook_says_nothing_of_other_chapters(collect, tmp_path):
    collect({"ada/02.py": "x", "ada/photo.png": "y", "bob/mine.ipynb": "z"})
    assert set(load_times(tmp_path / "out")) == {("ada", "02"), ("bob", "")}


@pytest.mark.parametrize("name", ["99_notes.ipynb", "work.ipynb", "02/mine.zip"])
def test_work_of_no_chapter_is_as_late_as_it_is(collect, tmp_path, name):
    """Answers without ids, by a name of the student's choice, must not count as the file's time."""
    form = "A_ob_attempt_2026-12-{}-09-30-00_{}".format
    files = {form("01", "03_masks.py"): "x", form("09", name.replace("/", "_")): "y"}
    collect(files, "Username\nob\n")
    times = load_times(tmp_path / "out")
    late = times.get(("ob", "02")) or times.get(("ob", ""))
    assert late.submitted.startswith("2026-12-09")
    assert times["ob", "03"].submitted.startswith("2026-12-01")


ATTEMPT = "A_ob_attempt_2026-12-{}-09-30-00_{}".format


def came_in(folder):
    """The day on which each of a student's files came, and what collecting wrote of chapters."""
    came = load_came(folder)
    days = {name: told.submitted[8:10] for name, told in came.files["ob"].items()}
    assert set(days) == {path.name for path in (folder / "ob").iterdir()}
    return days, {chapter: told.submitted[8:10] for (_, chapter), told in came.lines.items()}


def test_each_file_keeps_the_time_at_which_it_came_first(collect, tmp_path):
    first = {ATTEMPT("01", "02_attention.py"): "v1", ATTEMPT("02", "03_notes.zip"): "z"}
    later = {ATTEMPT("08", "02_attention.py"): "v2", ATTEMPT("09", "03_notes.zip"): "z"}
    for files in (first, later, later, first):
        collect(files, "Username\nob\n")
    days, lines = came_in(tmp_path / "out")
    assert days == {
        "02_attention-earlier-1.py": "01", "02_attention.py": "08", "03_notes.zip": "02",
    }  # fmt: skip
    assert lines == {"02": "08", "03": "02"}


@pytest.mark.parametrize("step", ["add_times", "_move_into", "write_private"])
def test_after_a_crash_each_file_has_its_own_time(collect, tmp_path, monkeypatch, step):
    files = {ATTEMPT("01", "02_attention.py"): "v1"}
    collect(files, "Username\nob\n")
    files |= {ATTEMPT("08", "02_attention.py"): "v2"}
    moved, calls = getattr(writing, step), []

    def broken(*told):
        calls.append(told)
        if step == "_move_into":  # after the first step of it
            patch.setattr(writing.Path, "mkdir", lambda self, **more: 1 / 0)
        elif step != "write_private" or len(calls) == 2:
            raise ZeroDivisionError
        return moved(*told)

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(writing, step, broken)
        collect(files, "Username\nob\n")
    collect(files, "Username\nob\n")
    days, lines = came_in(tmp_path / "out")
    assert days == {"02_attention-earlier-1.py": "01", "02_attention.py": "08"}
    assert lines == {"02": "08"}


def test_of_very_many_files_the_newest_are_kept(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST", 2)
    form = "A_ob_attempt_2026-12-0{}-09-30-00_{}.py".format
    plan, _ = collect({form(day, f"{day}x"): "x" * day for day in (1, 3, 2)}, "Username\nob\n")
    assert set(files_in(tmp_path / "out")) == {"ob/2x.py", "ob/3x.py"}
    told = "more than 2 files or 256 MiB; the newest are taken, work first"
    assert plan.left == [("1 of ob's files", told)]


def test_one_students_many_bytes_cost_nobody_elses_work(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BYTES", 10)
    files = {"ada/02.py": "a" * 9, "bob/02.py": "b" * 9} | {f"bob/{i}.bin": "0" * 9 for i in "123"}
    plan, _ = collect(files)
    assert set(files_in(tmp_path / "out")) == {"ada/02.py", "bob/02.py"}
    assert [what for what, _ in plan.left] == ["3 of bob's files"]


def test_each_file_is_read_once_for_all_that_come(collect, monkeypatch):
    collect({"bob/02.py": "b"} | {f"ada/{i}.txt": f"{i}" for i in range(9)})
    read, names = versions.chapter_of, []
    monkeypatch.setattr(versions, "chapter_of", lambda *its: names.append(its[0]) or read(*its))
    _, done = collect({"bob/02.py": "b"} | {f"ada/{i}.txt": f"{i} again" for i in range(9)})
    assert done.new["ada"] == 9 and max(Counter(names).values()) <= 3  # come, there, and aside


@pytest.mark.parametrize("name", ["\u3000ada", "ada ", "\tada"])
def test_a_name_with_blanks_around_it_is_nobody_elses(collect, tmp_path, name):
    plan, _ = collect({f"{name}/02.py": "x", "ada/02.py": "y"})
    assert len(plan.left) == 1 and files_in(tmp_path / "out") == {"ada/02.py": "y"}
    assert set(load_times(tmp_path / "out")) == {("ada", "02")}


@pytest.mark.parametrize(
    "name, kept",
    [
        ("02_attention.IPYNB", "02_attention.ipynb"),
        ('a<b>:"c".py', "a_b___c_.py"),
        ("x" * 300 + ".py", "x" * 180 + ".py"),
        (" .py", "work.py"),
        (".hidden.py", "hidden.py"),
        ("李" * 200 + ".ipynb", "李" * 60 + ".ipynb"),
        ("a." + "李" * 19, "a." + "李" * 6),  # a number comes behind it
    ],
)
def test_every_system_can_have_the_names(name, kept):
    assert safe(name) == kept
