"""Interface texts in two languages: each once, clean, and nothing near in two parts."""

import sys

import pytest

from course_lib.data import catalogues as module
from course_lib.data.catalogues import (
    alone,
    interface_sentences,
    interface_texts,
    near_keys,
    normalised,
)
from course_lib.data.corpora import MissingData


def near(one, other):
    return bool(near_keys(one) & near_keys(other))


def test_the_texts_are_read_once_and_no_package_is_imported():
    texts = interface_texts()
    assert texts is interface_texts() and len(texts) == 7871
    assert ("Enter two whole numbers.", "Saisissez deux nombres entiers.") in texts
    assert ("Remove all variables", "Supprimer toutes les variables") in texts
    assert not {"django", "wagtail", "sphinx", "spyder"} & set(sys.modules)


def test_each_english_text_is_there_once_and_says_something_else_in_french():
    texts = interface_texts()
    assert len({normalised(english) for english, _ in texts}) == len(texts)
    for english, french in texts:
        assert normalised(english) and french and english != french
        assert english == " ".join(english.split()) and french == " ".join(french.split())


def test_every_package_gives_some(monkeypatch):
    for package, language in module.FOLDERS.items():
        monkeypatch.setattr(module, "FOLDERS", {package: language})
        assert len(interface_texts.__wrapped__()) > 500, package


def test_sentences_are_of_two_to_twelve_words_without_anything_to_fill_in():
    found = interface_sentences()
    assert len(found) == 4597 and set(found) < set(interface_texts())
    for pair in found:
        for text in pair:
            assert 2 <= len(text.split()) <= 12
            assert not set("{}<>%\\`|=_@/") & set(text), text


def test_plurals_and_the_letter_of_a_shortcut():
    assert module._cleaned("&Save\n  all") == "Save all"
    assert module._cleaned("Save && close &amp; open") == "Save && close &amp; open"
    texts = dict(interface_texts())
    texts = interface_texts()
    assert ("%2%% used on %1 CPU", "%2%% utilisé sur %1 processeur") in texts
    assert ("%2%% used on %1 CPUs", "%2%% utilisé sur %1 processeurs") in texts


def test_what_counts_as_one_text():
    assert normalised("Open 2 files…") == normalised("open  3 FILES!") == "open 0 files"
    assert normalised("Don't re-run_it") == "don't re-run it"
    assert normalised("—!") == ""


@pytest.mark.parametrize(
    "other",
    [
        "open THE last files.",
        "Open the last file",
        "Open the very last files",
        "Open last files",
        "The open last files",
    ],
)
def test_texts_that_differ_in_one_word_are_near(other):
    assert near("Open the last files", other) and near(other, "Open the last files")


def test_short_texts_are_near_when_they_are_one():
    assert near("Save file", "save  file…")
    assert not near("Save file", "Save page")
    assert not near("Open the last files", "Close the first files")
    assert not near("Open the file", "Close the file")


def test_alone_is_what_no_other_is_near_to():
    pairs = [("Save all files now", "a"), ("Save all pages now", "b"), ("Close it", "c")]
    assert alone(pairs, pairs) == [("Close it", "c")]
    assert alone(pairs[:1], pairs[:1]) == pairs[:1] and alone([], pairs) == []


def test_nothing_alone_is_near_to_anything():
    texts = interface_texts()
    found = alone(interface_sentences(), texts)
    assert 3_500 < len(found) < len(interface_sentences())
    for english, _ in found[::400]:
        assert [other for other, _ in texts if near(english, other)] == [english]


def test_missing_catalogues_say_what_installs_them(monkeypatch):
    monkeypatch.setattr(module, "FOLDERS", {"no_such_package": "fr"})
    with pytest.raises(MissingData, match=r"no-such-package is not installed: run .*setup"):
        interface_texts.__wrapped__()
