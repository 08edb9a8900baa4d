"""Who may read what the course writes: the learner's umask decides, and nobody reads marks."""

import os
from pathlib import Path

import pytest

from course_lib.paths import write_atomic, write_private


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    """A user's umask, put back afterwards."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def rights(path):
    return path.stat().st_mode & 0o777


def test_a_learners_file_has_the_rights_that_the_umask_leaves(umask, tmp_path):
    path = tmp_path / "new" / "02_attention.ipynb"
    for content in ("first", b"second"):
        write_atomic(path, content)
        assert rights(path) == 0o666 & ~umask and rights(path.parent) == 0o777 & ~umask
    assert path.read_bytes() == b"second"


def test_what_is_private_is_private_whatever_the_umask(umask, tmp_path):
    path = tmp_path / "book" / "results" / "ada.jsonl"
    write_private(path, "6 of 6\n")
    assert rights(path) == 0o600
    assert rights(path.parent) == rights(path.parents[1]) == 0o700


def test_a_file_that_others_could_read_is_private_once_it_is_written_anew(tmp_path):
    path = tmp_path / "book.json"
    path.write_text("old")
    path.chmod(0o644)
    tmp_path.chmod(0o750)
    write_private(path, "new")
    assert (rights(path), path.read_text()) == (0o600, "new")
    assert rights(tmp_path) == 0o750, "a folder that was there is its owner's business"


@pytest.mark.parametrize("write", [write_atomic, write_private])
def test_a_crash_half_way_leaves_the_old_file_and_nothing_else(write, tmp_path, monkeypatch):
    path = tmp_path / "kept"
    write(path, "whole")

    def crash(*names):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="no space left"):
        write(path, "half")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [Path(path)]
