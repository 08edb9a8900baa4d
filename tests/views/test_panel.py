import re
from dataclasses import replace

import pytest

from course_lib.grader.judging.verdict import Verdict
from course_lib.views import panel
from course_lib.views.panel import LOOK

WRONG = Verdict(
    id="02.attention-weights",
    title="Attention weights",
    state="wrong",
    summary="1 of 5 cases agree with the reference",
    details=("expected shape (2, 3), found (3, 2)", "<b>rows</b> sum to 0.73"),
    mistake="softmax runs over the queries: every column sums to 1",
    hints=("Which axis?", "Look at `dim`.", "Keys are last."),
    out_of=2,
    solution="def attention_weights(q, k):\n    return q < k",
)
CRASHED = replace(
    WRONG, state="crashed", mistake=None, crash=("RuntimeError: no", "in f, line 2: q @ k")
)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(a * b for a, b in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def test_text_of_a_wrong_answer():
    assert repr(panel(WRONG)).splitlines() == [
        "[wrong] 02.attention-weights: 1 of 5 cases agree with the reference",
        "  This is what you get when softmax runs over the queries: every column sums to 1",
        "  expected shape (2, 3), found (3, 2)",
        "  <b>rows</b> sum to 0.73",
        "  hint 1 of 3: Which axis?",
    ]


def test_text_of_a_crash_names_the_error_and_the_line():
    assert repr(panel(CRASHED)).splitlines()[1:3] == ["  RuntimeError: no", "  in f, line 2: q @ k"]


@pytest.mark.parametrize("state", LOOK)
def test_a_state_has_sign_word_and_readable_colour(state):
    page = panel(replace(WRONG, state=state)).html()
    ink, ground, sign, word = LOOK[state]
    assert f"{sign} {word}: Attention weights" in page
    assert f"background:{ground};color:{ink}" in page
    light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 7


def test_states_differ_in_each_of_sign_word_and_colour():
    assert all(len(set(column)) == len(LOOK) for column in zip(*LOOK.values(), strict=True))


def test_the_failing_case_is_folded_away_as_code():
    page = panel(replace(WRONG, case="x = torch.tensor([1 < 2])\nf(x)")).html()
    assert "The failing case as code" in page and "torch.tensor([1 &lt; 2])\nf(x)</pre>" in page
    assert "as code" not in panel(WRONG).html()


def test_hints_open_one_inside_the_other_and_the_solution_last():
    page = panel(WRONG).html()
    summaries = re.findall("<summary[^>]*>(.*?)</summary>", page)
    assert summaries == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Show a solution"]
    # nested: all four open before the first one closes
    assert page.index("Show a solution") < page.index("</details>")
    assert page.count("<details") == page.count("</details>") == 4


def test_all_text_is_escaped():
    page = panel(replace(WRONG, crash=("<i>",), title="<u>")).html()
    for tag in ("<b>", "<i>", "<u>"):
        assert tag not in page
    assert "return q &lt; k" in page


def test_nothing_in_a_panel_needs_a_script_or_a_style_sheet():
    """Its one script gives keys back to the notebook, and only where something opens."""
    page = panel(WRONG).html()
    assert page.count("<script>") == 1 and "<style" not in page
    assert (
        page.endswith("</script></div>")
        and "<script" not in panel(replace(WRONG, hints=(), solution=None)).html()
    )


@pytest.mark.parametrize(
    ("says", "named"),
    [
        ("Q and K are swapped", "This is what you get when Q and K are swapped"),
        ("`.T` turns all axes round", "This is what you get when `.T` turns all axes round"),
    ],
)
def test_a_mistake_is_named_as_a_sentence(says, named):
    assert f"  {named}" in repr(panel(replace(WRONG, mistake=says))).splitlines()


def test_an_unknown_state_is_refused():
    with pytest.raises(ValueError, match="'fine' is none of right, wrong"):
        panel(replace(WRONG, state="fine"))
