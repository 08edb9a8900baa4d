"""A number written down where it should come from an input is asked about, and no other."""

import time

import pytest

from course_lib.check import check
from course_lib.grader.course.files import sheet_for
from course_lib.grader.judging.literals import with_changed_values
from course_lib.grader.judging.verdict import Verdict, judge
from course_lib.grader.judging.written import numbers_in
from course_lib.paths import ROOT

ID = "02.attention-weights"
SOFT = "def attention_weights(query, key):\n    return (query @ key.mT{}).softmax(-1)"


def details(source):
    made = {}
    exec(source, {"math": __import__("math")}, made)
    sheet = sheet_for(ROOT, ID)
    return with_changed_values(sheet, judge(sheet, made["attention_weights"]), source).details


@pytest.mark.parametrize(
    "scale, number", [(" / 512**0.5", "512"), (" / math.sqrt(300)", "300"), (" * 0.03", "0.03")]
)
def test_a_size_that_is_written_down_is_asked_about(scale, number):
    said = f"`{number}` stands in your code: is it the text's number, and right for every input?"
    assert details(SOFT.format(scale))[-1] == said


@pytest.mark.parametrize(
    "scale",
    [
        " / query.shape[-1] ** 0.5 - 1",  # a usual number, and right
        " / 9 + 7",  # which of them?
        "",  # a mistake that has a name
    ],
)
def test_what_else_stands_there_is_not(scale):
    assert not any("stands in your code" in told for told in details(SOFT.format(scale)))


def test_what_stands_beside_the_answer_is_not():
    source = "tried = 300\n" + SOFT.format(" * query.sum()")
    assert details(source.replace("query.sum()", "300"))[-1].startswith("`300` stands")
    assert not any("stands in your code" in told for told in details(source))


def test_a_number_too_long_to_be_printed_is_left_out():
    assert details(SOFT.format(f" / 0x{'f' * 5000} + 7"))[-1].startswith("`7` stands")


def test_numbers_of_the_courses_own_answer_are_not_asked_about():
    sheet = sheet_for(ROOT, "06.full-turns")
    source = "def full_turns(d_head, n, base=10_000.0):\n    return d_head, n"
    verdict = judge(sheet, lambda d_head, n, base=10_000.0: (d_head, n))
    told = with_changed_values(sheet, verdict, source)
    assert told.state == "wrong" and not any("stands in" in line for line in told.details)


def test_check_tells_it():
    def attention_weights(query, key):
        return (query @ key.mT / 48).softmax(-1)

    assert "`48` stands in your code" in str(check(ID, attention_weights))


def test_numbers_that_a_module_begins_with_are_not_asked_about():
    sheet = sheet_for(ROOT, "01.recall-gru")
    first = "class RecallGRU:\n    def __init__(self, spread=0.07):\n        self.spread = spread\n"
    verdict = Verdict("01.recall-gru", "T", "wrong", "")
    assert with_changed_values(sheet, verdict, first).details == ()
    later = first + "    def forward(self, x):\n        return 0.07 * x\n"
    assert with_changed_values(sheet, verdict, later).details[-1].startswith("`0.07` stands")


@pytest.mark.parametrize(
    "rows, told",
    [
        ("[[0] * 3] * 4", True),
        ("4 * [[0, 0]]", True),
        ("[[0 for _ in range(3)]] * 4", True),
        ("[[0] * 3 for _ in range(4)]", False),
        ("[0] * 3", False),
        ("[(0,) * 3] * 4", False),
    ],
)
def test_a_row_that_is_in_a_table_several_times_is_told(rows, told):
    source = f"def attention_weights(query, key):\n    table = {rows}\n    return table"
    assert any("holds one row" in each for each in details(source)) == told


def test_numbers_of_other_right_answers_are_not_asked_about():
    sheet = sheet_for(ROOT, "13.size")
    assert 4 in sheet.numbers
    source = "def gpt_size(vocab_size, d_model, num_layers, max_len):\n    return 4 * d_model, {}"
    for number, asked in ((0.1, True), (4.0, False)):
        answer = source.format(number)
        exec(answer, made := {})
        told = with_changed_values(sheet, judge(sheet, made["gpt_size"]), answer)
        assert any("stands in your code" in line for line in told.details) == asked


def test_what_a_loss_leaves_out_is_usual_and_a_size_of_100_is_not():
    assert details(SOFT.format(" / 100"))[-1].startswith("`100` stands")
    assert not any("stands in your code" in told for told in details(SOFT.format(" / -100")))


def test_first_numbers_within_first_numbers_cost_no_time():
    nested = "def f():\n" + "".join(
        f"{' ' * (i + 1)}def __init__(self, x=0.5):\n" for i in range(90)
    )
    began = time.process_time()
    numbers_in(f"{nested}{' ' * 92}{'x = 0.7; ' * 5_000}\n" * 3)
    assert time.process_time() - began < 2
