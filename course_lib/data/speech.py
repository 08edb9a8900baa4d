"""Ten seconds of recorded speech, from the files of the package `useful-moonshine-onnx` (MIT)."""

import wave
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.data.audio import RATE
from course_lib.data.corpora import MissingData
from course_lib.pretrained.packages import package_folder

PACKAGE = "moonshine_onnx"  # what useful-moonshine-onnx installs


@cache
def speech() -> Float[Tensor, " samples"]:
    """Return a man's voice that says a line of Beckett's: samples as `log_mel` takes them.

    Raises `MissingData` when the package is not installed.
    """
    path = package_folder(PACKAGE, MissingData) / "assets" / "beckett.wav"
    with wave.open(str(path)) as file:
        found = file.getframerate(), file.getnchannels(), file.getsampwidth()
        assert found == (RATE, 1, 2), found
        frames = bytearray(file.readframes(file.getnframes()))
    return torch.frombuffer(frames, dtype=torch.int16).float() / 32_768
