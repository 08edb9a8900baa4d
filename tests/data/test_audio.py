"""Whisper's ear: the frames are those that Hugging Face makes of the same samples."""

import pytest
import torch
from torch.testing import assert_close
from transformers import WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from course_lib.data.audio import RATE, log_mel, mel_filters


@pytest.mark.parametrize("num_mels", [80, 128])
def test_filters_are_hugging_faces(num_mels):
    given = {"norm": "slaney", "mel_scale": "slaney", "sampling_rate": RATE}
    theirs = mel_filter_bank(201, num_mels, 0.0, 8000.0, **given)
    assert_close(mel_filters(num_mels).T, torch.from_numpy(theirs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seconds", [0.7, 2.5])
def test_frames_are_hugging_faces_of_short_and_of_long_sound(seconds):
    theirs = WhisperFeatureExtractor(chunk_length=2)
    time = torch.arange(int(seconds * RATE)) / RATE
    sound = torch.sin(880 * time * (1 + time)) * torch.rand(2, 1) + 0.01 * torch.randn(2, len(time))
    expected = theirs(list(sound.numpy()), sampling_rate=RATE, return_tensors="pt")
    mels = log_mel(sound, seconds=2)
    assert mels.shape == (2, 80, 200)
    assert_close(mels, expected.input_features, rtol=0, atol=1e-4)
    assert_close(log_mel(sound[0], seconds=2), mels[0])


def test_a_tone_is_heard_where_its_pitch_is():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(RATE) / RATE)
    loudest = log_mel(tone, seconds=1)[:, 50].argmax()
    assert mel_filters(80)[loudest].argmax() == 25  # 1,000 Hz of 8,000 at 201 frequencies


def test_whole_numbers_are_refused(unchecked):
    loud = (20_000 * torch.ones(RATE)).short()
    with pytest.raises(ValueError, match=r"between -1 and 1, got torch\.int16"):
        log_mel(loud)


def test_a_batch_may_have_several_axes():
    sounds = torch.randn(2, 3, 700, dtype=torch.float64)
    mels = log_mel(sounds, seconds=1)
    assert mels.shape == (2, 3, 80, 100)
    assert_close(mels[1, 2], log_mel(sounds[1, 2], seconds=1))
