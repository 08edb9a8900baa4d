import html
import math
import re

import pytest
import torch

from course_lib.views import position_clocks

FREQUENCIES = torch.tensor([1.0, 0.05, 0.01])


def test_text_tells_each_pairs_turn_and_the_angle_between_the_hands():
    lines = repr(position_clocks(FREQUENCIES, place=12, distance=5, title="Here")).splitlines()
    assert lines[0] == "Here: query at 12, key 5 places before"
    assert lines[1] == "  pair 0: a turn in 6.3 places, 286° between the hands"
    assert lines[3] == "  pair 2: a turn in 628.3 places, 3° between the hands"
    assert len(lines) == 4


def test_the_angle_between_the_hands_does_not_depend_on_the_place():
    near = position_clocks(FREQUENCIES, place=5, distance=5).text().splitlines()[1:]
    far = position_clocks(FREQUENCIES, place=200, distance=5).text().splitlines()[1:]
    assert near == far


def test_a_pair_is_new_when_training_never_opened_its_hands_so_far():
    view = position_clocks(FREQUENCIES, trained=64, place=100, distance=64)
    assert [row[3] for row in view.rows("frequencies")] == ["seen", "new", "new"]
    view = position_clocks(FREQUENCIES, trained=64, place=100, distance=63)
    assert [row[3] for row in view.rows("frequencies")] == ["seen", "seen", "seen"]


def test_a_hand_that_has_gone_round_is_judged_by_where_it_stands():
    """In 64 places a hand of 0.05 opens to half a turn; 130 apart it has come round to 12°."""
    row = position_clocks(FREQUENCIES, trained=64, place=130, distance=130).rows("frequencies")[1]
    assert row[2:] == ("12", "seen")


def test_slower_hands_stay_within_what_training_showed():
    named = {"trained": FREQUENCIES, "slower": FREQUENCIES / 4}
    view = position_clocks(named, length=256, trained=64, place=255, distance=250)
    assert [row[3] for row in view.rows("trained")] == ["seen", "new", "new"]
    assert [row[3] for row in view.rows("slower")] == ["seen", "seen", "seen"]


def test_the_table_has_a_row_for_each_pair():
    page = position_clocks(FREQUENCIES, trained=64, distance=9).html()
    table = re.search("<table.*</table>", page).group()
    assert table.count("<tr>") == 1 + len(FREQUENCIES)
    assert "seen in 64 places?" in table and ">seen<" in table
    assert (
        "seen in" not in re.search("<table.*</table>", position_clocks(FREQUENCIES).html()).group()
    )


def test_titles_and_names_are_escaped():
    page = position_clocks({"<i>": FREQUENCIES}, title="<b>").html()
    assert "<b>" not in page and html.escape("<b>") in page and "<i>" not in page


def test_the_same_data_give_the_same_page():
    frequencies = FREQUENCIES.clone().requires_grad_()
    assert position_clocks(frequencies).html() == position_clocks([1.0, 0.05, 0.01]).html()


@pytest.mark.parametrize(
    ("frequencies", "said"),
    [
        ({}, "no frequencies"),
        ([], "1 to 12"),
        ([0.1] * 13, "1 to 12"),
        ({"a": [1.0], "b": [1.0, 0.1]}, "same number of pairs"),
        ([1.0, 0.0], "angle from 0 to pi"),
        ([4.0], "angle from 0 to pi"),
        ([math.nan], "angle from 0 to pi"),
    ],
)
def test_frequencies_that_are_none_are_refused(frequencies, said):
    with pytest.raises(ValueError, match=said):
        position_clocks(frequencies)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"place": 256}, "place=256"),
        ({"place": 3, "distance": 4}, "distance=4"),
        ({"distance": -1}, "distance=-1"),
        ({"trained": 0}, "trained=0"),
    ],
)
def test_places_outside_the_text_are_refused(given, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        position_clocks(FREQUENCIES, **given)
