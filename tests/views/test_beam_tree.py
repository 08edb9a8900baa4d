import html
import json
import re

import pytest

from course_lib.views import beam_tree

PATHS = {("a",): -0.5, ("b",): -1.0, ("a", "c"): -1.5, ("b", "c"): -1.2, ("b", "c", "."): -1.25}
BEST = ("b", "c", ".")


def data(view):
    return json.loads(re.search(r"const data = ({.*});", view.html())[1])


def test_text_tells_where_the_branches_stop():
    lines = repr(beam_tree(PATHS, BEST, start="x", end=".", title="Here")).splitlines()
    assert lines == ["Here: 5 beginnings", "  -1.50 xac (dropped)", "  -1.25 xbc. (the answer)"]


def test_each_branch_knows_its_beginning_its_step_and_its_fate():
    nodes = data(beam_tree(PATHS, BEST))["nodes"]
    assert [node["token"] for node in nodes] == ["a", "b", "c", "c", "."]
    assert [node["parent"] for node in nodes] == [-1, -1, 1, 0, 2]
    assert [node["step"] for node in nodes] == [-0.5, -1.0, -0.2, -1.0, -0.05]
    fates = ["went on", "went on", "went on", "dropped", "the answer"]
    assert [node["fate"] for node in nodes] == fates
    assert [node["best"] for node in nodes] == [False, True, True, False, True]


def test_what_ends_without_being_the_answer_is_said_to_end():
    paths = {("a",): -0.5, (".",): -0.9}
    fates = [row[3] for row in beam_tree(paths, ("a",), end=".").rows()]
    assert fates == ["the answer", "ended"]
    assert beam_tree(paths, ("a",)).rows()[1][3] == "dropped"


def test_a_line_break_is_a_sign_of_its_own():
    assert beam_tree({("\n",): -0.5}, ("\n",), start="x").rows()[0][0] == "x⏎"


def test_the_table_has_a_row_for_each_stop_and_lives_without_scripts():
    table = re.search("<table.*</table>", beam_tree(PATHS, BEST, end=".").html()).group()
    assert table.count("<tr>") == 3 and ">-1.25<" in table


def test_the_same_paths_in_another_order_give_the_same_page():
    turned = dict(reversed(PATHS.items()))
    assert beam_tree(PATHS, BEST).html() == beam_tree(turned, list(BEST)).html()


def test_titles_and_tokens_are_escaped():
    page = beam_tree({("<i>",): -1.0}, ("<i>",), title="<b>").html()
    assert "<b>" not in page and html.escape("<b>") in page and "<i>" not in page


def test_a_tree_needs_every_beginning():
    with pytest.raises(ValueError, match=r"goes on from \('z',\), which is not among"):
        beam_tree(PATHS | {("z", "a"): -3.0}, BEST)
    with pytest.raises(ValueError, match=r"best path \('z',\) is none of the 5"):
        beam_tree(PATHS, ("z",))


@pytest.mark.parametrize("score", [-0.2, float("-inf"), float("nan")])
def test_no_beginning_is_likelier_than_the_one_before_it(score):
    with pytest.raises(ValueError, match=r"log-probability of .* its beginning -0.5"):
        beam_tree({("a",): -0.5, ("a", "b"): score}, ("a",))


def test_a_tree_that_nobody_could_read_is_refused():
    for paths in ({}, {(str(i),): -6.0 for i in range(201)}):
        with pytest.raises(ValueError, match=f"1 to 200 beginnings, got {len(paths)}"):
            beam_tree(paths, ("1",))
