import html
import math
import re

import pytest
import torch

from course_lib.views import two_arrows

WORDS = {"names": ("it", "animal"), "axes": ("alive", "place")}


def test_text_tells_the_dot_product_the_angle_and_the_cosine():
    lines = repr(two_arrows((2, 1), (3, 0), title="Here", **WORDS)).splitlines()
    assert lines[0] == "Here: it (2, 1) and animal (3, 0)"
    assert lines[1] == "  as drawn: dot product 6, angle 27°, cosine 0.89"
    assert len(lines) == 5


def test_half_the_length_is_half_the_dot_product_and_the_same_cosine():
    whole, half, *_ = two_arrows((4, 2), (1, 3)).rows()
    assert float(half[1]) == float(whole[1]) / 2
    assert half[2:] == whole[2:]


@pytest.mark.parametrize("b", [(3, 0), (-0.7, 1.9), (0.1, -4.9)])
def test_a_right_angle_gives_nothing_and_the_opposite_the_most_below(b):
    *_, right, against = two_arrows((2, 1), b).rows()
    assert right[1:] == ("0", "90", "0.00")
    assert against[2:] == ("180", "-1.00")
    assert float(against[1]) == pytest.approx(-math.hypot(2, 1) * math.hypot(*b), abs=0.01)


def test_the_table_has_a_row_for_each_setting_and_lives_without_scripts():
    page = two_arrows((2, 1), (3, 0), **WORDS).html()
    table = re.search("<table.*</table>", page).group()
    assert table.count("<tr>") == 5 and ">0.89<" in table


def test_titles_and_names_are_escaped():
    page = two_arrows((2, 1), (3, 0), names=("<i>", "b"), title="<b>").html()
    assert "<b>" not in page and html.escape("<b>") in page and "<i>" not in page


def test_tensors_and_lists_give_the_same_page():
    a, b = torch.tensor([2.0, 1.0], requires_grad=True), torch.tensor([0.1, 3.0])
    assert two_arrows(a, b).html() == two_arrows([2, 1], [0.1, 3]).html()


@pytest.mark.parametrize("arrow", [(1, 2, 3), (), (6, 0), (0, math.nan)])
def test_what_is_no_arrow_in_the_plane_is_refused(arrow):
    with pytest.raises(ValueError, match="pair of numbers from -5 to 5, got"):
        two_arrows((2, 1), arrow)


def test_an_arrow_of_length_0_is_refused():
    with pytest.raises(ValueError, match=r"length 0 .* \[0.0, 0.0\]"):
        two_arrows((0, 0), (2, 1))


def test_names_and_axes_come_in_twos():
    with pytest.raises(ValueError, match="got 1 names and 2 axes"):
        two_arrows((2, 1), (3, 0), names=("a",))
    with pytest.raises(ValueError, match="got 2 names and 3 axes"):
        two_arrows((2, 1), (3, 0), axes=("a", "b", "c"))
