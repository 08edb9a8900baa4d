"""Pairs to look at: a disguised copy is found, who merely writes alike is left alone."""

import ast
import random
import time

import numpy as np
import pytest
from handed_in import notebook

from course_lib.grader.book.one_student import Task, level_for
from course_lib.grader.running import seal
from course_lib.grader.similar.answers import Answers, gather, shown
from course_lib.grader.similar.nearness import alike, shared_bits, shared_lines
from course_lib.grader.similar.normal import answer_pieces, body_of, pieces
from course_lib.grader.similar.similar_page import page, told
from course_lib.paths import ROOT

ORIGINAL = """
def weights(query, key):
    '''Text.'''
    width = query.shape[-1] + 0 * key.shape[0]
    scores = (query.double() @ key.double().T).float()
    largest = scores.max(dim=-1, keepdim=True).values.detach()
    return (scores - largest).exp() / (scores - largest).exp().sum(-1, keepdim=True)
"""
DISGUISED = """
# my own work
def weights(a, b):
    print_me = 3
    x: float = (a.double() @ b.double().T).float()

    d = a.shape[-1] + 0 * b.shape[0]   # the size
    m = x.max(dim=-1,
              keepdim=True).values.detach()
    out = (x - m).exp() / (x - m).exp().sum(-1, keepdim=True)
    return out
"""


def tokens(source):
    return {piece.tokens for piece in pieces(source)}


def test_names_layout_order_and_temporaries_do_not_matter():
    assert tokens(ORIGINAL) == tokens(DISGUISED)
    assert tokens(ORIGINAL) != tokens(ORIGINAL.replace("-1", "0"))
    assert tokens("x = a.mean(0).exp()") != tokens("x = a.sum(0).exp()")


def test_a_piece_knows_its_lines():
    found = pieces("x = 1\nfor i in range(len(a)):\n    y = f(\n        i, a[i], 3)\n")
    assert [(p.first, p.last) for p in found] == [(3, 4)]


def test_two_functions_have_one_body_under_other_names():
    one, other = (
        ast.parse(s).body[0] for s in ("def f(a): return a + 1", "def g(b): return b + 1")
    )
    assert body_of(one) == body_of(other)


HOSTILE = {
    "nested too deep to read": "-" * 10**4 + "1",
    "as deep as Python reads": "x = a" + ".b" * 900,
    "one long list": "x = (1," + "1," * 9000 + ")",
    "many statements": "x = a + b * c + 1\n" * 1000,
    "a large text": "x = 1\n" * 10**5,
    "a huge number": "x = f(0x" + "f" * 19000 + ", 1, 2, 3, 4)",
    "surrogates": "x = '\ud800'",
    "null": "x = '\0'",
    "calls of calls": "x = " + "f(" * 90 + "1" + ")" * 90,
    "chained assignments": "a = " * 4000 + "1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_source_stops_or_holds_it(name):
    began = time.process_time()  # however busy the machine is
    try:
        assert len(answer_pieces(HOSTILE[name])) <= 60
    except ValueError as error:
        assert 5 < len(str(error)) < 60
    assert time.process_time() - began < 2


def invented(chance, statements=40):
    """Statements that answers to one exercise are made of, some of them common."""
    names = "ab", "cd", "ef", "gh", "ij"
    made = []
    for _ in range(statements):
        one, other, third = chance.choices(names, k=3)
        size = chance.randrange(9)
        made.append(f"x = {one}.{other}({size}) * {third}.{chance.choice(names)}[{size}] + {size}")
    return made


def a_class(students, copied, seed=0):
    """Every student picks six of the statements; the second hands in the first's, disguised."""
    chance, answers = random.Random(seed), {}
    for number in range(8):
        pool = invented(chance)
        usual = [1 / (1 + i) for i in range(len(pool))]
        own = {f"s{i:02}": chance.choices(pool, usual, k=6) for i in range(students)}
        if number < copied:
            own["s01"] = own["s00"][::-1]
        answers[f"02.e{number}"] = {s: pieces("\n".join(lines)) for s, lines in own.items()}
    return answers


@pytest.mark.parametrize("seed", range(5))
def test_a_disguised_copy_is_found_and_nobody_else(seed):
    (pair,) = alike(a_class(40, copied=5, seed=seed), {})
    assert (pair.one, pair.other) == ("s00", "s01")
    assert {id for id, bits in pair.bits.items() if bits > 5} <= {f"02.e{i}" for i in range(5)}
    assert pair.beyond > pair.needed and told(pair).startswith("s00 and s01: ")


@pytest.mark.parametrize("seed", range(5))
def test_in_a_class_where_nobody_copied_nobody_is_named(seed):
    assert alike(a_class(40, copied=0, seed=seed), {}) == []


def test_what_the_course_shows_and_what_many_write_says_nothing():
    own = pieces(ORIGINAL)
    same = {"02.a": {f"s{i}": own for i in range(30)}}
    assert alike(same, {}) == [], "a class of one mind"
    answers = a_class(40, copied=5)
    given = {id: everyone["s00"] for id, everyone in answers.items()}
    assert alike(answers, given) == []


def test_a_group_with_one_approach_is_no_pair():
    chance = random.Random(3)
    answers = a_class(60, copied=0)
    approach = pieces("\n".join(invented(chance, 8)))
    for everyone in answers.values():
        for student in sorted(everyone)[:12]:
            everyone[student] = approach
    assert alike(answers, {}) == []


def test_small_classes_and_empty_answers_are_no_error():
    assert alike({}, {}) == [] and alike({"02.a": {"ada": [], "bob": []}}, {}) == []
    assert not shared_bits([[], [], []], []).any()
    assert shared_lines([], pieces(ORIGINAL), [], []) == []


def test_bits_are_symmetric_and_nobody_is_like_themselves():
    table = shared_bits(list(a_class(20, copied=1)["02.e0"].values()), [])
    assert np.array_equal(table, table.T) and not table.diagonal().any()
    assert table[0, 1] == table.max()


def test_the_page_shows_both_sides_and_runs_nothing_of_them():
    answers = a_class(40, copied=5)
    evil = "<script>alert(1)</script>"
    answers = {
        id: {evil if s == "s01" else s: p for s, p in own.items()} for id, own in answers.items()
    }
    sources = {(id, s): "x = 1  # <b>&\n" * 9 for id, own in answers.items() for s in own}
    found = Answers(answers, sources, [("\ud800\nx", "02.e1", "nested too deep")])
    (pair,) = alike(answers, {})
    text = page([pair], found, {}, 40)
    assert "<h1>1 pair to look at, of 40 students</h1>" in text
    assert "<script" not in text and "# &lt;b&gt;&amp;" in text
    assert "<mark title='0 others wrote this'>" in text
    assert text.encode() and "Not compared: 1" in text
    assert "No pair stands out" in page([], found, {}, 40)


def test_submissions_are_read_and_never_run(tmp_path):
    for student in ("ada", "bob", "cy", "dan"):
        (tmp_path / student).mkdir()
    helper = "# %%\ndef mine(q):\n    return q.double().tanh() * 3 + 1\n"
    wrong = "raise SystemExit\n" + ORIGINAL.replace("weights", "scores") + "    mine(query)\n"
    (tmp_path / "ada/00_start_here.py").write_text(f'{helper}# %% tags=["00.scores"]\n{wrong}')
    (tmp_path / "bob/00_start_here.ipynb").write_bytes(b"\xff{")
    (tmp_path / "cy/00_start_here.ipynb").symlink_to("/etc/passwd")
    exercises = (ROOT / "exercises/00_start_here.ipynb").read_bytes()
    (tmp_path / "dan/00_start_here.ipynb").write_bytes(exercises)
    tasks = [
        Task(ROOT, path, ("00",), 0, seal.reachable()[0]) for path in sorted(tmp_path.iterdir())
    ]
    found = gather(tasks)
    assert len(found.pieces["00.scores"]["ada"]) == 5, "with the helper"
    left = [("bob", "00_start_here.ipynb"), ("cy", "00_start_here.ipynb")]
    assert [entry[:2] for entry in found.left_out] == left
    assert "mine" in found.sources["00.scores", "ada"]
    given = {piece.tokens for piece in shown(ROOT, "00")}
    assert {p.tokens for own in found.pieces.values() for p in own.get("dan", [])} <= given


def test_an_answer_is_compared_without_the_rest_of_the_notebook(tmp_path):
    """What stands around an answer is another exercise's, and would weigh as much as a copy."""
    answers = {"00.scores": "scores", "00.safe-softmax": "safe_softmax"}
    text = "# %%\nimport torch\n"
    for id, name in answers.items():
        text += f'# %% tags=["{id}"]\ndef {name}(q):\n    return torch.{name}(q)\n'
    # Grading also tries an answer with all that ran, since a call may have changed what it reads.
    text += "# %%\ntorch.manual_seed(len([scores, safe_softmax]))\n"
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "00_start_here.py").write_text(text)
    found = gather([Task(ROOT, tmp_path / "ada", ("00",), 0, level_for(None))])
    for id, name in answers.items():
        source = found.sources[id, "ada"]
        assert f"def {name}(" in source and source.count("def ") == 1, source


def test_what_only_looks_like_an_end_of_line_moves_no_line(tmp_path):
    source = 'k = "\u2028\u2028"\ndef scores(q, k=k):\n    return q @ k'
    (tmp_path / "ada").mkdir()
    notebook(tmp_path / "ada" / "00_start_here.ipynb", (source, "00.scores"))
    found = gather([Task(ROOT, tmp_path / "ada", ("00",), 0, level_for(None))])
    assert "def scores(q, k=k):\n    return q @ k" in found.sources["00.scores", "ada"]


def test_an_answer_that_needs_too_much_code_is_left_out_and_told(tmp_path):
    cells = [f"{name} = [" + "1, " * 12_000 + "]" for name in "ab"]
    answer = "def scores(q, k=(a, b)):\n    return q @ k"
    (tmp_path / "ada").mkdir()
    notebook(
        tmp_path / "ada" / "00_start_here.ipynb", *((c,) for c in cells), (answer, "00.scores")
    )
    found = gather([Task(ROOT, tmp_path / "ada", ("00",), 0, level_for(None))])
    assert found.left_out == [("ada", "00.scores", "70 KiB of code")] and not found.sources
