"""`--chapters`: ranges, commas and spaces, wherever it stands; refusals say what there is."""

import argparse

import pytest

from course_lib.commands.chapters import add_option, chosen, joined

THERE = ("00", "01", "02", "03", "04", "05", "10")


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("02", "02"),
        ("2", "02"),
        ("00,02-05", "00 02 03 04 05"),
        ("02 04", "02 04"),
        ("2-5", "02 03 04 05"),
        ("2 - 5", "02 03 04 05"),
        ("04–10, 4", "04 05 10"),
        (" 05 ,, 01 ", "01 05"),
        ("3-3", "03"),
    ],
)
def test_chapters_are_read_in_every_spelling(text, numbers):
    assert chosen(text, reversed(THERE)) == tuple(numbers.split())


@pytest.mark.parametrize(
    "text, told",
    [
        ("77", "no chapter '77'; there are: 00, 01, 02"),
        ("02-09", "no chapter '09'; there are: 00"),
        ("05-02", "--chapters '05-02': '05-02' runs backwards"),
        ("all", "--chapters 'all': 'all' is no chapter; write them such as 02"),
        ("02.attention", "'02.attention' is no chapter"),
        ("2-4-5", "'2-4-5' is no chapter"),
        ("002", "'002' is no chapter"),
        ("-3", "'-3' is no chapter"),
        ("", "--chapters '' names no chapter; there are: 00"),
        (" , ", "names no chapter"),
    ],
)
def test_what_names_no_chapter_is_refused(text, told):
    with pytest.raises(ValueError) as error:
        chosen(text, THERE)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "line",
    [
        "folder --chapters 02 04 --out x",
        "--chapters 02 04 folder --out x",
        "--out x --chapters 02 04 folder",
        "folder --out x --chapters 02, 04",
        "folder --out x --chapters=02,04",
    ],
)
def test_an_unquoted_space_is_a_space_wherever_the_option_stands(line):
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--out")
    add_option(parser, "all")
    args = parser.parse_args(joined(line.split()))
    assert (args.folder, args.out) == ("folder", "x")
    assert chosen(args.chapters, THERE) == ("02", "04")


def test_other_words_are_left_alone():
    line = "--chapters 2 - 5 2026 --seed 7 8 02"
    assert joined(line.split()) == ["--chapters", "2 - 5", "2026", "--seed", "7", "8", "02"]
