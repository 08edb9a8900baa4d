"""A bundle is a whole course: unpacked elsewhere, with every learner's command tried there."""

import json
import os
import re
import shutil

import nbformat
import pytest
from forked import forked
from nbclient import NotebookClient

from course_lib.cli import COMMANDS, LEARNERS
from course_lib.commands.kernels import OwnKernel
from course_lib.commands.release import release, release_each
from course_lib.grader.course.files import exercises
from course_lib.grader.course.listing import find_listed, listed
from course_lib.notebooks import read_cells
from course_lib.paths import ROOT

ID = "03.cross-shapes"
RIGHT = {
    "02.attention-weights": "def attention_weights(query, key):\n"
    "    return (query @ key.T / query.shape[-1] ** 0.5).softmax(-1)",
    "02.effective-words": "def effective_words(weights):\n"
    "    return (-(weights * weights.log()).sum(-1)).exp()",
}
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"")
KINDS = ("for all", "closed", "for one")


@pytest.fixture(scope="module", params=KINDS)
def bundle(request, tmp_path_factory):
    """Chapters 02 to 04 as a student unpacks them."""
    folder = tmp_path_factory.mktemp("bundle")
    chapters, out = {"02", "03", "04"}, folder / "class"
    if request.param == "for one":
        (folder / "names.txt").write_text("ada\ngrace\n")
        release_each(out, chapters, folder / "names.txt")
        archive = out / "grace.zip"
    else:
        release(out, chapters, [] if request.param == "closed" else None)
        archive = shutil.make_archive(str(folder / "all"), "zip", folder, "class")
    shutil.unpack_archive(archive, folder / "home")
    return folder / "home" / "class"


@pytest.fixture(scope="module")
def course(bundle):
    """Commands as a student gives them: nothing but the bundle is on the path."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(bundle), "HOME": str(bundle.parent)}
    with forked(env | {"OMP_NUM_THREADS": "1"}, bundle) as course:
        yield course


@pytest.fixture(scope="module")
def work(bundle, course):
    """The student's copies."""
    done = course("lab", "--prepare-only")
    assert done.returncode == 0 and "New: 02_attention.ipynb" in done.stdout
    return bundle / "work"


def write(path, answers):
    """Write answers into the cells of a notebook of exercises."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for id in set(answers) & set(cell.metadata.get("tags", ())):
            cell.source = answers[id]
    nbformat.write(notebook, path)


def test_it_lists_the_exercises_that_its_keys_declare(bundle, course):
    told = json.loads(course("exercises", "--json").stdout)
    own = [e for e in exercises(ROOT) if e.chapter in ("02", "03", "04")]
    assert [e["id"] for e in told] == [e.id for e in own]
    for entry, exercise in zip(told, own, strict=True):
        assert entry["mistakes"] == [mistake.name for mistake in exercise.mistakes]
        for name in ("chapter", "title", "kind", "points"):
            assert entry[name] == getattr(exercise, name)
    last = course("exercises").stdout.splitlines()[-1]
    assert last == f"{len(own)} exercises, {sum(e.points for e in own)} points"


def test_answers_are_checked_remembered_and_taken_back(bundle, course, work):
    untouched, count = (
        course("check", "02"),
        sum(e.chapter == "02" for e in exercises(ROOT)),
    )
    assert untouched.stdout.count("[not attempted]") == count and untouched.returncode == 1
    page = work / "exercises/02_attention.ipynb"
    write(page, RIGHT)
    told = course("check", "02").stdout
    assert "[right] 02.attention-weights" in told and "[wrong] 02.effective-words" in told
    assert "this is what you get when" in told and told.endswith(f"1 of {count} right\n")
    assert course("check", "02.attention-weights").returncode == 0
    assert course("check", str(page)).stdout == told
    assert "02.attention-weights" in course("check", "02.nothing").stderr
    assert "there are: 02, 03, 04" in course("check", "09").stderr
    progress = course("progress").stdout
    assert "✓ right          02.attention-weights" in progress
    points, looked_at = progress.splitlines()[-2:]
    assert points.startswith("2 of ") and points.endswith(" points")
    assert looked_at.endswith("quiz questions, 0 at the first try; 0 predictions made")
    reset = course("reset", "2")
    assert "exercises/02_attention.kept-1.ipynb" in reset.stdout and reset.returncode == 0
    assert course("check", "02").stdout == untouched.stdout


def test_a_check_in_a_students_notebook_counts(bundle, work, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(bundle))
    monkeypatch.delenv("COURSE_WORK", raising=False)  # the bundle has a work folder of its own
    path = work / "exercises/03_queries_keys_values.ipynb"
    notebook = nbformat.read(path, as_version=4)
    place = next(i for i, c in enumerate(notebook.cells) if ID in c.metadata.get("tags", ()))
    name = next(e.name for e in exercises(ROOT) if e.id == ID)
    notebook.cells[place].source = f"def {name}(*given): return given"
    # The stubs of other exercises raise: their cells are not this test's.
    chosen = [c for c in notebook.cells[: place + 2] if "setup" in c.metadata.get("tags", ())]
    notebook.cells = [*chosen, *notebook.cells[place : place + 2]]
    where = {"metadata": {"path": str(path.parent)}}
    options = {"kernel_name": "python3", "kernel_manager_class": OwnKernel}
    NotebookClient(notebook, timeout=120, resources=where, **options).execute()
    assert f"[wrong] {ID}" in notebook.cells[-1].outputs[0]["data"]["text/plain"]
    assert json.loads((work / "progress.json").read_text())[ID]["tries"] == 1


def test_doctor_finds_everything(bundle, course):
    done = course("doctor", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["problems"] == []


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - set(LEARNERS)))
def test_what_needs_solutions_says_so_in_a_sentence(bundle, course, name):
    done = course(name, "somewhere")
    told = "needs the course with its solutions; this copy was handed out without them"
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"course {name}: {told}\n"


def test_its_help_lists_what_works(bundle, course):
    told = course("--help").stdout
    there = {name for name in COMMANDS if f"  {name} " in told}
    assert there == set(LEARNERS)


def texts(path):
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    return [cell.source for cell in read_cells(path) if cell.kind == "markdown"]


def links(path):
    """Where the relative links of a page lead."""
    for text in texts(path):
        for found in LINK.findall(re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", "", text, flags=re.S)):
            target = "".join(found)
            if not target.startswith(("http://", "https://", "#", "mailto:")):
                yield target.split("#")[0]


def test_no_relative_link_is_dead_in_it_or_in_the_copies(bundle, work):
    pages = [p for p in bundle.rglob("*") if p.suffix in (".md", ".ipynb")]
    found = [(page, target) for page in pages for target in links(page)]
    assert len({page for page, _ in found}) > 5
    for page, target in found:
        there = (page.parent / target).resolve()
        assert there.exists() and there.is_relative_to(bundle), (page, target)
    assert "exercises/04_masks.ipynb" in links(work / "04_masks.ipynb")


def test_its_readme_names_the_files_to_hand_in_and_nothing_of_the_instructors(bundle, work):
    text = (bundle / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| (\d\d) · .* \| (\d+) \| `(work/\S+)` \|$", text, re.MULTILINE)
    assert [number for number, _, _ in named] == ["02", "03", "04"]
    for number, points, path in named:
        assert (bundle / path).exists() and path.startswith(f"work/exercises/{number}_")
        assert int(points) == sum(e.points for e in listed(ROOT, number))
    for word in ("grade", "gradebook", "contribut", "solutions/", "release", "course.py test"):
        assert word not in text
    commands = set(re.findall(r"course\.py (\w+)", text))
    assert commands <= set(LEARNERS)
    before = text.split("## While you work")[0].split("## Which file to hand in")[1]
    assert "So save, and let `python3 course.py check 02` read the file" in before


def test_nothing_in_it_has_been_run(bundle, work):
    pages = [*bundle.glob("notebooks/*.ipynb"), *bundle.glob("work/0*.ipynb")]
    assert len(pages) >= 6
    for page in pages:
        for cell in json.loads(page.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs") and not cell.get("execution_count"), page


def test_a_sheet_that_is_gone_or_damaged_is_named(tmp_path):
    page = tmp_path / "exercises/02_attention.ipynb"
    page.parent.mkdir()
    shutil.copy(ROOT / "exercises/02_attention.ipynb", page)
    with pytest.raises(KeyError, match=r"no answer sheet for '02\.attention-weights'"):
        listed(tmp_path)
    page.write_text("{}")
    with pytest.raises(ValueError, match=r"02_attention\.ipynb can't be read"):
        find_listed(tmp_path, "02.attention")
