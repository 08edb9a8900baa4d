"""What a check is given counts as the answer, where a line of its own could bind it."""

import pytest

from course_lib.grader.running.slicing.checks import named_answers
from course_lib.notebooks import Cell

NAMES = {"02.x": "answer"}


@pytest.mark.parametrize(
    "source, named",
    [
        ("check('02.x', mine)", "answer = (mine)"),
        ("for f in fs:\n    check('02.x', f)", "for f in fs:\n    answer = (f)"),
        ("check('02.x', lambda q: [k for k in q])", "answer = (lambda q: [k for k in q])"),
        # a variable of a comprehension is known in there alone
        ("[check('02.x', f) for f in fs]", "[check('02.x', f) for f in fs]"),
        ("[check('02.x', make(f)) for f in fs]", "[check('02.x', make(f)) for f in fs]"),
        ("[check('02.x', mine) for _ in range(2)]", "answer = (mine)"),
        ("check('02.x', answer)", "check('02.x', answer)"),
    ],
)
def test_a_check_of_something_else_binds_it_to_the_name(source, named):
    (cell,) = named_answers([Cell("code", source)], NAMES)
    assert cell.source == named
