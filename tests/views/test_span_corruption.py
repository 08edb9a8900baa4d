import html
import json
import re

import pytest

from course_lib.data.spans import corrupt_spans
from course_lib.views import span_corruption

WORDS = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week"]


def test_text_tells_input_and_target_with_their_lengths():
    lines = repr(span_corruption(WORDS, [2, 3, 8], title="Here")).splitlines()
    assert lines == [
        "Here",
        "  input  (9 tokens): Thank you <0> me to your party <1> week",
        "  target (6 tokens): <0> for inviting <1> last <2>",
    ]


@pytest.mark.parametrize("hidden", [[], [0], [9], range(10), [0, 2, 3, 9], [4, 4]])
def test_rows_are_those_of_the_library(hidden):
    places = sorted(set(hidden))
    starts = [i for i in places if i - 1 not in places]
    spans = [(i, next(j for j in range(i, 11) if j not in places)) for i in starts]
    rows = span_corruption([str(i) for i in range(10)], hidden).rows()
    wanted = corrupt_spans(range(10), spans, 99)
    assert rows == tuple([f"<{99 - i}>" if i > 9 else str(i) for i in row] for row in wanted)


def test_the_script_gets_tokens_and_places():
    page = span_corruption(WORDS, [8, 2]).html()
    data = json.loads(re.search(r"const data = ({.*?});\n", page)[1])
    assert data["tokens"] == WORDS and data["hidden"] == [2, 8]


def test_the_table_lives_without_scripts_and_is_escaped():
    page = span_corruption(["<b>", "x"], [1], title="<i>").html()
    assert "<b>" not in page and "<i>" not in page
    table = re.search("<table.*</table>", page).group()
    assert table.count("<tr>") == 3 and html.escape("<b> <0>") in table


@pytest.mark.parametrize(("tokens", "hidden"), [([], []), (["a"], [1]), (["a"], [-1])])
def test_what_can_not_be_hidden(tokens, hidden):
    with pytest.raises(ValueError, match=f"of {len(tokens)} tokens"):
        span_corruption(tokens, hidden)
