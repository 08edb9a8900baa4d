"""The recording: as long and as loud as it should be, or the command that brings it."""

import pytest
import torch

from course_lib.data import speech as module
from course_lib.data.audio import RATE, log_mel
from course_lib.data.corpora import MissingData
from course_lib.data.speech import speech


def test_ten_seconds_between_minus_one_and_one():
    samples = speech()
    assert samples.dtype == torch.float32 and samples.shape == (159_414,)
    assert 9.9 < len(samples) / RATE < 10 and 0.1 < samples.abs().max() <= 1
    assert samples.mean().abs() < 1e-3
    assert log_mel(samples).shape == (80, 3000)


def test_a_missing_recording_says_what_installs_it(monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    with pytest.raises(MissingData, match="no-such-package is not installed"):
        speech.__wrapped__()
