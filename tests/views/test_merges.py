import html
import json
import re

import pytest

from course_lib.views import merge_steps

COUNTS = {"low": 5, "lower": 2}
STEPS = [
    {"low": ["l", "o", "w"], "lower": ["l", "o", "w", "e", "r"]},
    {"low": ["lo", "w"], "lower": ["lo", "w", "e", "r"]},
    {"low": ["low"], "lower": ["low", "e", "r"]},
]


def data_of(view):
    return json.loads(re.search(r"const data = ({.*?});\n", view.html())[1])


def test_text_tells_each_step_its_pair_and_the_words():
    lines = repr(merge_steps(COUNTS, STEPS, title="Here")).splitlines()
    assert lines[0] == "Here: low × 5, lower × 2"
    assert lines[1] == "  0: the start:   l|o|w   l|o|w|e|r"
    assert lines[2] == "  1: l + o → lo (stood 7 times):   lo|w   lo|w|e|r"
    assert lines[3].startswith("  2: lo + w → low (stood 7 times)")


def test_a_pair_counts_as_often_as_its_word_occurs():
    pairs = merge_steps(COUNTS, STEPS).pairs(0)
    assert pairs == {("l", "o"): 7, ("o", "w"): 7, ("w", "e"): 2, ("e", "r"): 2}


def test_the_script_gets_every_step_and_what_is_joined_next():
    steps = data_of(merge_steps(COUNTS, STEPS))["steps"]
    assert [step["next"] for step in steps] == [["l", "o"], ["lo", "w"], None]
    assert steps[2] == {
        "words": [["low"], ["low", "e", "r"]],
        "pairs": [["e", "r", 2], ["low", "e", 2]],
        "next": None,
    }


def test_the_table_lives_without_scripts():
    table = re.search("<table.*</table>", merge_steps(COUNTS, STEPS).html()).group()
    assert table.count("<tr>") == 4 and "low|e|r" in table


def test_titles_and_words_are_escaped():
    page = merge_steps({"<b>": 1}, [{"<b>": ["<", "b", ">"]}], title="<i>").html()
    assert "<b>" not in page and "<i>" not in page and html.escape("<|b|>") in page


@pytest.mark.parametrize("counts", [{}, {"low": 0}])
def test_words_have_to_occur(counts):
    with pytest.raises(ValueError, match="need words that occur"):
        merge_steps(counts, [{word: [word] for word in counts}])


def test_pieces_that_are_not_their_word_are_refused():
    with pytest.raises(ValueError, match=r"step 0: the pieces .*'lo'.* are not the words"):
        merge_steps({"low": 1}, [{"low": ["l", "o"]}])


def test_a_step_joins_one_pair():
    start, _, late = STEPS
    with pytest.raises(ValueError, match="a step joins one pair of neighbours"):
        merge_steps(COUNTS, [start, start])
    with pytest.raises(ValueError, match="a step joins one pair of neighbours"):
        merge_steps(COUNTS, [start, late])
