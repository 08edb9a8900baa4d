"""What every chapter must look like, read from its committed notebook."""

import ast
import json
import re
import statistics
from itertools import pairwise

import pytest

from course_lib import views
from course_lib.paths import ROOT
from course_lib.views import outcome

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
MACHINE = re.compile(
    r"/(root|home|Users|tmp|work|usr|opt)/|[A-Z]:\\\\|site-packages|0x[0-9a-f]{6,}"
)
SECTIONS = ("Summary", "Quiz", "Interview questions", "Exercises", "Further reading")


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def chapter(request):
    notebook = json.loads(request.param.read_text(encoding="utf-8"))
    notebook["number"] = request.param.name[:2]
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def code(chapter):
    return [c for c in chapter["cells"] if c["cell_type"] == "code"]


def prose(chapter):
    return [c["source"] for c in chapter["cells"] if c["cell_type"] == "markdown"]


def outputs(chapter):
    return [(c, o) for c in code(chapter) for o in c["outputs"]]


def text_of(output):
    parts = [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return "".join("".join(part) for part in parts)


def headings(chapter):
    for source in prose(chapter):
        for line in source.splitlines():
            if match := re.match(r"(#+) (.+)", line):
                yield len(match[1]), match[2]


def test_there_are_chapters():
    assert len(PATHS) >= 6


def test_every_cell_was_run_in_order(chapter):
    counts = [c["execution_count"] for c in code(chapter)]
    assert counts == list(range(1, len(counts) + 1))


def test_every_code_cell_has_something_in_it(chapter):
    assert all(c["source"].strip() for c in chapter["cells"])


def test_an_error_is_there_on_purpose(chapter):
    for cell, output in outputs(chapter):
        if output["output_type"] == "error":
            assert "raises-exception" in cell["metadata"].get("tags", [])
        assert output.get("name") != "stderr", output["text"]


def test_nothing_escapes_the_comparison(chapter):
    tags = [tag for c in code(chapter) for tag in c["metadata"].get("tags", [])]
    assert set(tags) <= {"nbval-ignore-output", "raises-exception", "tells"}
    assert tags.count("nbval-ignore-output") <= 3
    assert not any("NBVAL" in c["source"] for c in chapter["cells"])


def test_only_controls_are_left_out_of_the_comparison(chapter):
    for cell in code(chapter):
        if "nbval-ignore-output" in cell["metadata"].get("tags", []):
            assert "widgets" in cell["source"] or "interact" in cell["source"], cell["source"]


def test_no_output_names_a_machine(chapter):
    for cell, output in outputs(chapter):
        found = MACHINE.search(text_of(output))
        assert not found, (cell["source"], found)


def test_pictures_have_a_text_in_their_place(chapter):
    pictures = [o for _, o in outputs(chapter) if "image/png" in o.get("data", {})]
    assert pictures
    for picture in pictures:
        alt = picture["metadata"].get("image/png", {}).get("alt", "")
        assert len(alt) > 30, text_of(picture)


def test_every_view_that_is_made_is_seen(chapter):
    """Jupyter shows what a cell's last line returns; a view made before it is lost unsaid."""
    for cell in code(chapter):
        tree = ast.parse(cell["source"])
        lines = [n for n in ast.walk(tree) if isinstance(n, ast.Expr) and n is not tree.body[-1]]
        calls = [n.value for n in lines if isinstance(n.value, ast.Call)]
        lost = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id in views.__all__]
        assert not lost, cell["source"]


def test_cells_are_small(chapter):
    lengths = [len(c["source"].splitlines()) for c in code(chapter)]
    assert max(lengths) <= 30
    assert statistics.median(lengths) <= 8


def test_prose_and_code_are_in_balance(chapter):
    words = sum(len(source.split()) for source in prose(chapter))
    assert 1200 <= words <= 3200, words
    assert 35 <= len(chapter["cells"]) <= 80, len(chapter["cells"])
    assert 1.0 <= len(prose(chapter)) / len(code(chapter)) <= 2.0


def test_one_title_and_no_skipped_level(chapter):
    levels = [level for level, _ in headings(chapter)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_number_that_begins_a_line_of_a_bullet_makes_no_list_of_its_own(chapter):
    """JupyterLab shows a wrapped "1." as the first item of a list; GitHub doesn't."""
    for block in (block for source in prose(chapter) for block in re.split(r"\n\s*\n", source)):
        bullet = "(?m)^ *[-*+] "
        assert not re.search(bullet, block) or not re.search(r"(?m)^ +\d+[.)](\s|$)", block), block


def test_the_parts_of_a_chapter_are_there(chapter):
    titles = [title for _, title in headings(chapter)]
    places = [next((i for i, t in enumerate(titles) if s in t), -1) for s in SECTIONS]
    assert -1 not in places and places == sorted(places), titles
    source = "\n".join(c["source"] for c in code(chapter))
    number = chapter["number"]
    for needed in (f'quiz("{number}")', f'predict("{number}.', f'outcome("{number}.', "show("):
        assert needed in source, needed
    assert "transformer_map(" in source


def test_every_guess_meets_its_outcome(chapter):
    source = "\n".join(c["source"] for c in code(chapter))
    asked = re.findall(r'\bpredict\(\s*"([^"]+)"', source)
    answered = re.findall(r'\boutcome\(\s*"([^"]+)"', source)
    assert asked and sorted(asked) == sorted(answered)


def test_outcomes_are_folded_away_from_who_only_reads(chapter):
    """As the view makes them now: no comparison of notebooks looks at this HTML."""
    there = re.compile(r"course-outcome\".*\nconst data = ({.*?});\n", re.DOTALL)
    shown = ["".join(o.get("data", {}).get("text/html", "")) for _, o in outputs(chapter)]
    found = [(html, json.loads(match[1])) for html in shown if (match := there.search(html))]
    assert len(found) >= 2
    for html, data in found:
        assert html == outcome(data["id"], data["result"]).html()


def test_the_exercises_named_are_those_there_are(chapter):
    from course_lib.grader.course.files import exercises

    there = {e.id for e in exercises(ROOT, chapter["number"])}
    named = set(re.findall(rf"`({chapter['number']}\.[a-z0-9-]+)`", "\n".join(prose(chapter))))
    assert there and there == named & there, there - named
    # True in a checkout; where it is copied to work/, `signposts.in_work` turns the link.
    name = next(p.name for p in PATHS if p.name[:2] == chapter["number"])
    assert f"](../exercises/{name})" in "\n".join(prose(chapter))


def test_no_chapter_is_named_that_is_not_there(chapter):
    there = {path.name[:2] for path in PATHS}
    tasks = next((ROOT / "exercises").glob(f"{chapter['number']}_*.ipynb")).read_text("utf-8")
    lists = re.findall(
        r"[Cc]hapters?((?: |, | and | to |–|\d\d)+)", "\n".join([*prose(chapter), tasks])
    )
    assert set(re.findall(r"\d\d", " ".join(lists))) <= there
