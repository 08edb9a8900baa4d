import json
import re

import numpy as np
import pytest
import torch

from course_lib.views import patch_hover

IMAGE = torch.zeros(4, 4)
IMAGE[:2, :2], IMAGE[2:, 2:] = 1.0, 0.5
WEIGHTS = torch.full((5, 5), 0.1)
WEIGHTS[0, 4] = 0.6


def data_of(view):
    return json.loads(re.search(r"const data = ({.*?});\n", view.html())[1])


def test_text_draws_the_image_and_names_the_maps_but_no_weight():
    view = patch_hover(IMAGE, {"layer 0": WEIGHTS, "roll-out": WEIGHTS}, "Here")
    assert repr(view).splitlines() == [
        "Here: 2 × 2 patches; layer 0, roll-out",
        "  @@  ",
        "    ++",
    ]


def test_the_script_gets_pixels_weights_and_whether_there_is_a_cls():
    data = data_of(patch_hover(IMAGE, {"one": WEIGHTS}, start=3))
    assert data["image"][0] == [255, 255, 0, 0] and data["image"][3][3] == 128
    assert data["front"] == 1 and data["side"] == 2 and data["start"] == 3
    assert data["weights"][0][0] == [0.1, 0.1, 0.1, 0.1, 0.6]
    assert data_of(patch_hover(np.zeros((6, 6)), {"one": np.full((9, 9), 0.1)}))["front"] == 0


def test_the_table_lives_without_scripts_and_says_who_looks():
    html = patch_hover(IMAGE, {"<b>": WEIGHTS}, "<i>").html()
    table = re.search("<table.*</table>", html).group()
    assert table.count("<tr>") == 2 and table.count("<td") == 4 and ">60</td>" in table
    assert "where [CLS] looks" in table and "&lt;b&gt;" in table and "<i>" not in html
    patch = patch_hover(IMAGE, {"one": WEIGHTS}, start=3).html()
    assert "where row 1, column 0 looks" in patch


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"image": torch.zeros(4, 6)}, "a square grey image"),
        ({"image": torch.zeros(5, 5)}, "2 patches a side don't fill 5 pixels"),
        ({"weights": {}}, "at least one table"),
        ({"weights": {"one": WEIGHTS[:4]}}, "a square or one more"),
        ({"weights": {"one": torch.zeros(7, 7)}}, "a square or one more"),
        ({"weights": {"one": WEIGHTS, "two": WEIGHTS[1:, 1:]}}, "a square or one more"),
        ({"weights": {"one": WEIGHTS - 0.2}}, "'one' doesn't"),
        ({"start": 5}, "start=5 of 5 tokens"),
    ],
)
def test_what_does_not_fit_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        patch_hover(**{"image": IMAGE, "weights": {"one": WEIGHTS}} | given)
