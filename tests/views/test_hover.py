import html
import re

import pytest
import torch

from course_lib.views import attention_hover

WORDS = ["the", "cat", "<sat>"]
WEIGHTS = torch.tensor([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9], [0.25, 0.5, 0.25]])


def test_text_lists_the_three_keys_each_word_looks_at_most():
    view = attention_hover([*WORDS, "on"], torch.tensor([[0.1, 0.4, 0.2, 0.3]] * 4), title="Here")
    lines = repr(view).splitlines()
    assert lines[0] == "Here: each word and the 3 it looks at most"
    assert lines[1] == "    the → cat 40%, on 30%, <sat> 20%"
    assert len(lines) == 5


def test_the_table_has_a_cell_for_each_pair_and_inline_colours():
    page = attention_hover(WORDS, WEIGHTS).html()
    table = re.search("<table.*</table>", page).group()
    numbers = [int(n) for n in re.findall(r"<td style[^>]*>(\d+)</td>", table)]
    assert numbers == [70, 20, 10, 5, 5, 90, 25, 50, 25]
    assert len(re.findall("background-color:rgba", table)) == 9


def test_a_weight_may_mean_something_else_than_looking():
    view = attention_hover(WORDS, WEIGHTS, title="Reach", verb="depends on")
    assert repr(view).startswith("Reach: each word and the 3 it depends on most")
    assert "Reach: the row depends on the column" in view.html()


def test_words_are_escaped():
    page = attention_hover(WORDS, WEIGHTS, title="<i>").html()
    assert "<sat>" not in page and html.escape("<sat>") in page
    assert "<i>" not in page


def test_of_several_heads_the_chosen_one_is_told():
    weights = torch.stack([WEIGHTS, WEIGHTS.flip(-1)])
    view = attention_hover(WORDS, weights, title="Heads", head=1)
    assert repr(view).splitlines()[0].startswith("Heads, head 1:")
    assert "the → <sat> 70%, cat 20%, the 10%" in repr(view)


def test_keys_may_be_other_words_than_queries():
    view = attention_hover(["le", "chat"], WEIGHTS[:2], WORDS)
    assert "chat → <sat> 90%" in repr(view)


def test_the_same_data_give_the_same_page():
    weights = WEIGHTS.clone().requires_grad_()
    assert attention_hover(WORDS, weights).html() == attention_hover(WORDS, WEIGHTS.numpy()).html()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (WEIGHTS[:2], "weights are 2 × 3; 3 × 3"),
        (WEIGHTS[:, :2], "weights are 3 × 2; 3 × 3"),
        (torch.stack([WEIGHTS[:2], WEIGHTS[:2]]), "weights are 2 × 3; 3 × 3"),
        (WEIGHTS * 2, "between 0 and 1, got 1.4"),
        (WEIGHTS * float("nan"), "between 0 and 1, got nan"),
        (WEIGHTS[0], r"\(query, key\) or \(heads, query, key\)"),
        (torch.stack([torch.stack([WEIGHTS])]), r"\(query, key\) or \(heads, query, key\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, said):
    with pytest.raises(ValueError, match=said):
        attention_hover(WORDS, weights)


@pytest.mark.parametrize(("name", "value"), [("head", 1), ("head", -1), ("start", 3)])
def test_head_and_start_must_exist(name, value):
    with pytest.raises(ValueError, match=f"{name}={value} of"):
        attention_hover(WORDS, WEIGHTS, **{name: value})
