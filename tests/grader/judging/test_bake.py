"""A baked sheet comes back whole or not at all; tests/exercises bakes every one."""

import zlib

import pytest
import torch

from course_lib.grader.course.files import sheet_for
from course_lib.grader.judging import bake
from course_lib.grader.judging.bake import load_sheet, save_sheet, sheet_file
from course_lib.grader.judging.frames import FrameError
from course_lib.paths import ROOT


def test_a_damaged_sheet_is_named(tmp_path):
    path = sheet_file(tmp_path, "00.scores")
    save_sheet(path, sheet_for(ROOT, "00.scores"))
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[9:], b"", zlib.compress(zlib.decompress(whole)[:-9])):
        path.write_bytes(damaged)
        with pytest.raises(FrameError, match=r"00\.scores\.sheet is damaged"):
            load_sheet(path)


def test_a_sheet_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    path = sheet_file(tmp_path, "00.scores")
    save_sheet(path, sheet_for(ROOT, "00.scores"))
    monkeypatch.setattr(bake, "MAX_BYTES", 1000)
    with pytest.raises(FrameError, match="more than 1000 bytes"):
        load_sheet(path)


def test_an_exercise_without_a_sheet_lists_those_there_are(tmp_path):
    save_sheet(sheet_file(tmp_path, "00.scores"), sheet_for(ROOT, "00.scores"))
    with pytest.raises(KeyError, match=r"no answer sheet for '00\.nothing'; there are: 00\.scores"):
        sheet_for(tmp_path, "00.nothing")


def test_baking_twice_gives_the_same_bytes(tmp_path):
    sheet = sheet_for(ROOT, "00.safe-softmax")
    for name in ("a", "b"):
        save_sheet(tmp_path / name, sheet)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert torch.is_tensor(load_sheet(tmp_path / "a").expected[0].values[0])
