"""What a setup cell takes from the library is lent to sealed answers, and nothing else of it."""

import pytest

from course_lib.grader.book.grading import grade_submission
from course_lib.grader.course.files import exercises, key_files
from course_lib.grader.course.lent import lent
from course_lib.grader.judging.frames import nested, pack, unpack
from course_lib.grader.running import seal
from course_lib.grader.running.warm import Warm
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()
sealed = pytest.mark.skipif(LEVEL != "strong", reason=REASON)

LIBRARY = """
import math
from typing import Any, Optional
from course_lib.parts.low import LIMIT, helper, secret
SCALE: float = 2.0
def wanted(x: Optional[int]) -> float:
    return SCALE * helper(x) + math.pi
def answer(x):
    return secret(x)
class Answer:
    pass
"""
LOW = "LIMIT = 3\ndef helper(x):\n    return min(x, LIMIT)\ndef secret(x):\n    return 42\n"
SETUP = """# %% tags=["setup"]
import torch
from course_lib.check import check
from course_lib.parts.high import wanted

# %% tags=["07.a"]
from course_lib.parts.high import Answer
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "course_lib/parts").mkdir(parents=True)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "course_lib/parts/high.py").write_text(LIBRARY)
    (tmp_path / "course_lib/parts/low.py").write_text(LOW)
    (tmp_path / "solutions/07_x.py").write_text(SETUP)
    return tmp_path


def test_a_name_comes_with_what_it_uses_and_without_its_neighbours(root):
    given = lent(root, "07")
    assert list(given) == ["course_lib.parts.low", "course_lib.parts.high"]
    assert given["course_lib.parts.low"] == "LIMIT = 3\ndef helper(x):\n    return min(x, LIMIT)"
    high = given["course_lib.parts.high"]
    assert "def wanted" in high and "SCALE: float = 2.0" in high and "import math" in high
    assert "nswer" not in high and "secret" not in high and "Any" not in high


def test_a_module_stands_behind_what_it_uses_though_more_is_taken_of_that_later(root):
    (root / "course_lib/parts/top.py").write_text(
        "from course_lib.parts.high import wanted\n"
        "from course_lib.parts.low import secret\n"
        "def both(x):\n    return wanted(x) + secret(x)\n"
    )
    (root / "solutions/09_z.py").write_text(SETUP.replace("high import wanted", "top import both"))
    low, high, top = (f"course_lib.parts.{name}" for name in ("low", "high", "top"))
    given = lent(root, "09")
    assert list(given) == [low, high, top]
    assert "def helper" in given[low] and "def secret" in given[low]


def test_a_name_that_is_not_there_is_told(root):
    (root / "solutions/08_y.py").write_text(SETUP.replace("wanted", "nothing"))
    with pytest.raises(KeyError, match="nothing"):
        lent(root, "08")


@pytest.fixture(scope="module")
def warm():
    with Warm(ROOT, "strong") as process:
        yield process


REACHING = """
import gc, sys
from course_lib.nn.attention import scaled_dot_product_attention as lent
module = sys.modules["course_lib.nn.attention"]
assert not hasattr(module, "SelfAttention") and "SelfAttention" not in lent.__globals__
gc.unfreeze()
names = [x.__qualname__ for x in gc.get_objects() if isinstance(x, type)]
assert "Tensor" in names and "SelfAttention" not in names
from course_lib.nn.attention import SelfAttention
"""


@sealed
def test_the_rest_of_the_file_cannot_be_reached_from_what_is_lent(warm):
    job = {
        "job": "run",
        "name": "x",
        "pieces": [(0, REACHING)],
        "cases": nested([]),
        "cell": 0,
        "lent": lent(ROOT, "05"),
    }
    report = warm.run(pack(job))
    assert unpack(report.frame)["failed"][0][1][0].startswith("ImportError: cannot import name")


@sealed
@pytest.mark.parametrize("key", key_files(ROOT), ids=lambda path: path.stem)
def test_every_solution_of_the_course_gets_full_marks_under_seal(warm, key):
    ids = [e.id for e in exercises(ROOT, key.stem[:2])]
    path = ROOT / "solutions" / key.name
    told = [graded.verdict for graded in grade_submission(warm, path, ids, seed=4)]
    assert {v.id: (v.state, v.summary) for v in told if v.state != "right"} == {}
