"""The glossary page is made of the chapters' own lists, and is stale when one of them changes."""

import argparse

import pytest

from course_lib.commands import build
from course_lib.commands.words import glossary, page

CHAPTER = """# %% [markdown]
# # 03 · Words
#
# - **no word**: a list above the glossary.

# %%
listed = "- **code**: no prose"

# %% [markdown]
# ## Further reading
#
# ## Glossary
#
# - **[CLS]**: a token in front.
# - **axis**: one direction of a tensor: it counts something.
"""


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "notebooks" / "src" / "03_words.py"
    path.parent.mkdir(parents=True)
    path.write_text(CHAPTER, encoding="utf-8")
    return path


def test_a_chapters_words_are_those_of_its_closing_list(chapter):
    told = {"[CLS]": "a token in front.", "axis": "one direction of a tensor: it counts something."}
    assert glossary(chapter) == told


def test_the_page_goes_by_the_alphabet_and_leads_to_the_chapters(chapter):
    *_, first, second = page([chapter]).splitlines()
    assert first.startswith("- **axis** ([03](../notebooks/03_words.ipynb)): one direction")
    assert second.startswith("- **[CLS]** ([03](")


def test_the_page_is_stale_when_a_chapter_says_something_else(chapter, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    target, check = tmp_path / "docs" / "glossary.md", argparse.Namespace(check=True)
    assert build._words(check) == [target] and not target.exists()
    build._words(argparse.Namespace(check=False))
    assert build._words(check) == []
    chapter.write_text(CHAPTER.replace("in front", "at the end"), encoding="utf-8")
    assert build._words(check) == [target]
