"""Page, its table of exercises and the exercise notebook call them in one order."""

import itertools
import json
import re

import pytest

from course_lib.grader.course.files import exercises
from course_lib.paths import ROOT

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def prose(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]


def called(paragraph, number):
    """The exercises that a paragraph names behind the words "your turn"."""
    _, _, behind = paragraph.partition("our turn")
    return re.findall(rf"`({number}\.[a-z0-9-]+)`", behind)


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def page(request):
    """Exercises: as the page says "your turn", as its end lists them, as they stand."""
    number = request.param.name[:2]
    text, _, listed = "\n\n".join(prose(request.param)).partition("## Exercises")
    turns = [one for part in re.split(r"\n\s*\n", text) for one in called(part, number)]
    there = prose(ROOT / "exercises" / request.param.name)
    stand = re.findall(rf"(?m)^## ({number}\.[a-z0-9-]+)", "\n".join(there))
    return turns, re.findall(rf"(?m)^(?:\||-) `({number}\.[a-z0-9-]+)`", listed), stand


def test_each_exercise_is_called_where_its_part_stands(page):
    turns, _, stand = page
    assert stand and set(turns) == set(stand)


def test_the_exercises_stand_in_the_order_of_the_page(page):
    turns, listed, stand = page
    assert list(dict.fromkeys(turns)) == stand
    assert listed == stand
    assert [e.id for e in exercises(ROOT, stand[0][:2])] == stand


PLACES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
MINUTES = r"(\d+) minutes?\b[^.\n]*points?"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_opening_counts_the_exercises_and_knows_the_large_one(path):
    opening, *texts = prose(ROOT / "exercises" / path.name)
    minutes = [int(m) for text in texts for m in re.findall(MINUTES, text)]
    counted = re.search(r"(?m)^(\w+) (?:short|exercises)", opening)
    words = ["Four", "Five", "Six", "Seven", "Eight", "Nine"]
    assert counted and words.index(counted[1]) + 4 == len(minutes)
    for place in re.findall(r"the (\w+) is the large one", opening):
        at = len(minutes) - 1 if place == "last" else PLACES.index(place)
        assert minutes[at] == max(minutes) > sorted(minutes)[-2]


def test_what_an_exercise_asks_for_before_one_reads_on_is_not_in_sight():
    """Its own code is folded where it stands right below."""
    cells = json.loads((ROOT / "notebooks/08_decoder.ipynb").read_text(encoding="utf-8"))["cells"]
    asks = re.compile(r"our turn, before you read on\*\*: `08\.decoder-(block|masks)`")
    below = [b for a, b in itertools.pairwise(cells) if asks.search("".join(a["source"]))]
    assert [cell["metadata"].get("jupyter") for cell in below] == [{"source_hidden": True}] * 2


def test_the_summary_of_00_leaves_its_exercise_to_do():
    (summary,) = [each for each in prose(PATHS[0]) if each.startswith("## Summary")]
    assert "taking one number away" in " ".join(summary.lower().split())
    assert "maximum" not in summary.lower() and "largest" not in summary.lower()
