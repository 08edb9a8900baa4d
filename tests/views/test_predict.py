import re

import numpy as np
import pytest
import torch

from course_lib.views import outcome, predict
from course_lib.views.predict import written


def test_text_of_question_and_outcome():
    assert repr(predict("02.scaling", "How big?")) == "Predict first: How big?"
    assert repr(outcome("02.scaling", 0.95)) == "It came out as: 0.950"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (0.12345, "0.123"),
        (-0.0001, "0.000"),
        (7, "7"),
        ("zeros", "zeros"),
        (torch.tensor(0.5), "0.500"),
        (torch.tensor(3), "3"),
        (np.float32(2.5), "2.500"),
        ((2, 3), "(2, 3)"),
    ],
)
def test_results_are_written_as_notebooks_print_them(result, text):
    assert written(result) == text


def test_question_and_result_are_escaped():
    assert "<b>" not in predict("02.x", "<b>?").html()
    assert "<b>" not in outcome("02.x", "<b>").html()


def test_without_scripts_the_question_is_there_and_the_result_folded_away():
    assert "How big is <code" in predict("02.x", "How big is `w`?").html()
    html = re.sub(r"(?s)<(style|script)>.*?</\1>", "", outcome("02.x", 0.95).html())
    folded = re.search(r"(?s)<details [^>]*><summary[^>]*>(.*?)</summary>(.*)</details>", html)
    assert "open" not in folded[0].split(">")[0] and "guess first" in folded[1]
    assert "<strong>0.950</strong>" in folded[2] and "0.950" not in html.replace(folded[2], "")


@pytest.mark.parametrize("id", ["scaling", "2.scaling", "02.", "02.Scaling", "02.a b"])
def test_an_id_of_another_form_is_refused(id):
    with pytest.raises(ValueError, match=r"looks like 02\.scaling"):
        predict(id, "How big?")
    with pytest.raises(ValueError, match=r"looks like 02\.scaling"):
        outcome(id, 1)


def test_an_empty_question_is_refused():
    with pytest.raises(ValueError, match=r"02\.x asks nothing"):
        predict("02.x", " ")
