"""The loss of a prediction over a vocabulary. Checked against PyTorch's in tests/training."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.nn.norms import widened


def cross_entropy(
    logits: Float[Tensor, "*batch vocab"],
    targets: Int[Tensor, "*batch"],
    *,
    smoothing: float = 0.0,
    pad_id: int | None = None,
) -> Float[Tensor, ""]:
    """Return the mean over the targets of the label-smoothed cross-entropy, in nats.

        loss = -(1 - smoothing) log p[target] - smoothing / vocab  sum_k log p[k]

    p is the softmax of the logits; targets equal to `pad_id` don't count, and where none counts
    the loss is 0. Half precision is counted in float32.

    Raises `ValueError` when the shapes don't fit, `smoothing` is outside [0, 1), or a target that
    counts is no id of the vocabulary.

    Source: Szegedy et al. 2016, section 7 (arXiv:1512.00567); Vaswani et al. 2017, section 5.4.
    """
    vocab = logits.shape[-1]
    if logits.shape[:-1] != targets.shape:
        told = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"logits need one row for each target, got the shapes {told}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be at least 0 and below 1, got {smoothing=}")
    counts = torch.ones_like(targets, dtype=torch.bool) if pad_id is None else targets != pad_id
    ids = targets.where(counts, 0).long()
    seen = not (ids.is_meta or torch.compiler.is_compiling())  # else there are no numbers to see
    if seen and ids.numel() and (ids.min() < 0 or ids.max() >= vocab):
        raise ValueError(f"targets must be 0 to {vocab - 1}, got {ids.min()} to {ids.max()}")

    log_p = widened(logits).log_softmax(-1)
    loss = -(1 - smoothing) * log_p.gather(-1, ids[..., None])[..., 0]
    if smoothing:
        loss = loss - smoothing * log_p.mean(-1)
    return loss.where(counts, 0.0).sum() / counts.sum().clamp(min=1)
