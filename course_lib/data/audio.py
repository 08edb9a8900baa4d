"""Sound as Whisper hears it: how loud each pitch is, a hundred times a second."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

RATE = 16_000  # samples a second
WINDOW, STEP = 400, 160  # samples: each frame hears 25 ms, and the next one starts 10 ms later


def log_mel(
    samples: Float[Tensor, "*batch samples"], num_mels: int = 80, seconds: int = 30
) -> Float[Tensor, "*batch mels frames"]:
    """Return the loudness of `num_mels` pitches in each frame, on a logarithmic scale.

        mels = filters |STFT(samples)|^2,   output = (max(log10 mels, loudest - 8) + 4) / 4

    The samples, 16,000 a second and one channel, lie between -1 and 1; they are cut or filled up
    with silence to `seconds`.

    Raises `ValueError` for whole numbers, as files have from -32,768 to 32,767: divide by 32,768.

    Source: Radford et al. 2022, section 2.2 (arXiv:2212.04356); the scale: the authors' code.
    """
    if not samples.is_floating_point():
        raise ValueError(f"samples must lie between -1 and 1, got {samples.dtype}: scale them down")
    wanted = seconds * RATE
    samples = F.pad(samples[..., :wanted].float(), (0, max(0, wanted - samples.shape[-1])))
    hann = torch.hann_window(WINDOW, device=samples.device)
    flat = samples.reshape(-1, wanted)  # which takes one axis for a batch
    waves = torch.stft(flat, WINDOW, STEP, window=hann, return_complex=True)
    waves = waves.unflatten(0, samples.shape[:-1]) if samples.ndim > 1 else waves[0]
    filters = mel_filters(num_mels).to(samples)
    loud = (filters @ waves[..., :-1].abs().square()).clamp(min=1e-10).log10()
    loudest = loud.amax(dim=(-2, -1), keepdim=True)
    return (torch.maximum(loud, loudest - 8) + 4) / 4


def mel_filters(num_mels: int) -> Float[Tensor, "{num_mels} frequencies"]:
    """Return one triangle over the frequencies for each pitch, all of the same area.

        filter[f] = 2 / (high - low) max(0, min((f - low) / (mid - low), (high - f) / (high - mid)))

    Low, mid and high are neighbours on the mel scale, on which steps sound alike.

    Source: Slaney 1998, Auditory Toolbox (technical report 1998-010).
    """
    frequency = torch.linspace(0, RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)
    edges = _hertz(torch.linspace(0, _MEL_OF_8000, num_mels + 2, dtype=torch.float64))
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequency - low) / (mid - low), (high - frequency) / (high - mid)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)


# The scale is even up to 1,000 Hz, which is 15 mels, and logarithmic above.
_STEP = math.log(6.4) / 27
_MEL_OF_8000 = 15 + math.log(8000 / 1000) / _STEP


def _hertz(mels: Tensor) -> Tensor:
    even, bent = mels * 200 / 3, 1000 * torch.exp((mels - 15) * _STEP)
    return torch.where(mels < 15, even, bent)
