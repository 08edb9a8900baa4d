import json
import re

import pytest

from course_lib.views.page import framed, prose


def test_code_between_backticks_is_set_as_code_and_all_else_escaped():
    said = prose("a < b & `x > 0`")
    assert "a &lt; b &amp; <code" in said
    assert ">x &gt; 0</code>" in said


def test_data_cannot_end_its_own_script():
    page = framed("outcome", "Outcome", "", {"id": "00.x", "result": "</script><b>\u2028"})
    assert page.count("</script>") == 1
    given = re.search(r"const data = (.*);", page).group(1)
    assert json.loads(given)["result"] == "</script><b>\u2028"


def test_the_label_is_escaped():
    assert 'aria-label="&quot;&lt;x&gt;"' in framed("outcome", '"<x>', "")


def test_the_key_depends_on_the_data_alone():
    def key(data):
        return re.search('data-key="([0-9a-f]+)"', framed("quiz", "Quiz", "", data)).group(1)

    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert key({"a": 1}) != key({"a": 2})


@pytest.mark.parametrize(
    "kind",
    ["arrows", "beam_tree", "clocks", "diagram", "hover", "merges", "outcome", "predict", "quiz"],
)
def test_no_view_loads_anything_from_elsewhere(kind):
    page = framed(kind, "label", "").replace("http://www.w3.org/2000/svg", "")  # a name, no address
    assert not re.search(r"https?:|//cdn|@import|url\(|\bfetch\(|XMLHttpRequest", page)
