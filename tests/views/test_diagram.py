import re

import pytest

from course_lib.views import DIAGRAM_PARTS, transformer_diagram
from course_lib.views.diagram import ONCE

SHAPES = dict.fromkeys(DIAGRAM_PARTS, "(batch, seq, 5)")
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
COUNTS = dict(zip(DIAGRAM_PARTS, PRIMES, strict=True))


def drawn(**changed):
    given = {"shapes": SHAPES, "parameters": COUNTS, "num_layers": 3} | changed
    return transformer_diagram(**given)


def test_the_total_counts_each_part_of_a_block_once_for_each_block():
    once = sum(COUNTS[name] for name in ONCE)
    assert len(ONCE) == 5
    assert drawn().total == once + 3 * (sum(PRIMES) - once)
    assert drawn(num_layers=1).total == sum(PRIMES)


def test_text_tells_every_part_from_the_bottom_up():
    lines = repr(drawn(title="Small")).splitlines()
    assert lines[0] == f"Small: {drawn().total:,} parameters"
    named = [name for line in lines for name in DIAGRAM_PARTS if line.startswith(f"  {name} ")]
    assert named == list(DIAGRAM_PARTS)
    told = next(line for line in lines if "  cross-attention" in line)
    assert "(batch, seq, 5)" in told and "31 parameters × 3 blocks = 93" in told


def test_a_part_that_shares_a_table_has_none_of_its_own():
    view = drawn(parameters=COUNTS | {"head": 0})
    assert view.told("head") == "no parameters of its own"
    assert view.total == drawn().total - COUNTS["head"]


def test_shares_are_of_the_whole_model_and_small_ones_say_so():
    counts = dict.fromkeys(DIAGRAM_PARTS, 0) | {"head": 3, "source embedding": 1}
    view = drawn(parameters=counts)
    assert view.told("head") == "3 parameters, 75.0% of the model"
    view = drawn(parameters=counts | {"head": 9999})
    assert view.told("source embedding") == "1 parameters, under 0.1% of the model"


def test_the_table_has_a_row_and_a_bar_for_each_part():
    table = re.search("<table.*</table>", drawn().html()).group()
    assert re.findall(r'scope="row"[^>]*>([^<]+)<', table) == [
        name.replace("&", "&amp;") for name in DIAGRAM_PARTS
    ]
    assert table.count("linear-gradient") == len(DIAGRAM_PARTS)


def test_nothing_given_becomes_markup():
    page = drawn(shapes=SHAPES | {"head": "<b>"}, title="<i>").html()
    assert "<b>" not in page and "<i>" not in page and "&lt;i&gt;" in page


def test_the_same_data_give_the_same_page():
    assert drawn().html() == drawn().html() != drawn(num_layers=2).html()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"parameters": {"head": 1}}, "parameters: missing .*cross-attention"),
        ({"shapes": SHAPES | {"gate": ""}}, r"shapes: missing \[\], unknown \['gate'\]"),
        ({"num_layers": 0}, "num_layers=0 of 1 or more"),
        ({"parameters": COUNTS | {"head": -1}}, "counts of 0 or more"),
    ],
)
def test_what_does_not_fit_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        drawn(**changed)
