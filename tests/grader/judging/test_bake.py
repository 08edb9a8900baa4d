"""A baked sheet judges as the one it was made from, and holds no answer."""

import zlib

import pytest
import torch

from course_lib.grader.course.files import exercises, find, load_solution, sheet_for
from course_lib.grader.judging import bake
from course_lib.grader.judging.bake import load_sheet, save_sheet, sheet_file
from course_lib.grader.judging.frames import FrameError
from course_lib.grader.judging.verdict import judge, judge_outcomes
from course_lib.paths import ROOT

LARGEST = 500_000  # a course has a sheet an exercise, and every learner downloads them all
IDS = [e.id for e in exercises(ROOT)]


@pytest.mark.parametrize("id", IDS)
def test_a_baked_sheet_gives_the_same_verdicts(id, tmp_path):
    _, exercise = find(ROOT, id)
    sheet = sheet_for(ROOT, id)
    save_sheet(sheet_file(tmp_path, id), sheet)
    assert sheet_file(tmp_path, id).stat().st_size <= LARGEST
    baked = sheet_for(tmp_path, id)
    assert judge(baked, load_solution(ROOT, exercise)).state == "right"
    for known in (m for m in sheet.mistakes if not m.pair):
        verdict = judge_outcomes(baked, known.outcomes)
        assert (verdict.mistake_name, verdict.hints) == (known.name, known.hints)
    assert baked.solution == "" and baked.stub == sheet.stub


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
