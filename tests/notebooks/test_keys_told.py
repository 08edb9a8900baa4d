"""What pages say about keys holds wherever the focus is: they say how it gets to the view."""

import re

import pytest

from course_lib.paths import ROOT
from course_lib.views.page import asset, files

PAGES = sorted((ROOT / "notebooks/src").glob("*.py"))
SCRIPTS = sorted(path.name for path in files("course_lib.views").iterdir() if path.suffix == ".js")


def sentences(text):
    """Prose as sentences, comment signs, line ends and the joints of strings taken out."""
    return re.split(r"(?<=[.!?:])\s+", re.sub(r"\s*\n(?:#\s*)?|\"\s*\+\s*[\"`]", " ", text))


def without_a_way(text):
    told = [each for each in sentences(text) if re.search(r"(?:use|with|and) the arrow keys", each)]
    return [each for each in told if not re.search(r"\b[Cc]lick (?:here|beside)", each)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_that_speaks_of_arrow_keys_says_where_to_click(page):
    text = page.read_text(encoding="utf-8")
    assert without_a_way(text) == []
    # what is pressed once leads to JupyterLab's buttons over the cell
    assert re.findall(r"\bTab\b(?! until)", text) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_view_that_speaks_of_arrow_keys_says_where_to_click(name):
    helps = re.findall(r"const help = (.*?);\n", asset(name), re.S)
    assert [each for text in helps for each in without_a_way(text)] == []
