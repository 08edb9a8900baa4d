"""Rotary angles as a config.json describes them: plain, or stretched for longer texts."""

import math
from collections.abc import Callable
from functools import partial

import torch

from course_lib.nn.positions.frequencies import (
    interpolated_frequencies,
    llama3_frequencies,
    yarn_frequencies,
)
from course_lib.nn.positions.rotary import Rotary
from course_lib.pretrained.families import require

SLOPE = "original_max_position_embeddings"
TOLD = {  # a kind: what its file says beside the base
    "default": (),
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", SLOPE),
    "yarn": ("factor", "beta_fast", "beta_slow", "attention_factor", "truncate", SLOPE),
}


def rotary(facts: dict, base: float = 10_000.0) -> tuple[Callable[[int], Rotary], float]:
    """Return what makes the positions of a head, and how many times larger scores are with them.

    `base` is that of the angles where the file says none; old and new files keep it in two places.

    Raises `ValueError` when the angles are stretched in a way that is not known, when something is
    said that is not of that way or lacks, or when not all columns turn.
    """
    require(facts, partial_rotary_factor=1.0)
    told = facts.get("rope_scaling") or facts.get("rope_parameters") or {}
    kind = told.get("rope_type") or told.get("type") or "default"
    require({"rope_type": kind}, rope_type=tuple(TOLD))
    require(told, partial_rotary_factor=1.0, truncate=True)
    known = ("rope_theta", "rope_type", "type", "partial_rotary_factor", *TOLD[kind])
    for name in told:  # such as angles for each kind of layer
        require({"rope_parameters": name}, rope_parameters=known)
    angles = {name: value for name, value in told.items() if value is not None}
    base = angles.get("rope_theta") or facts.get("rope_theta") or base
    if kind == "default":
        return partial(Rotary, base=base), 1.0
    lacking = {"factor", "low_freq_factor", "high_freq_factor"} & set(TOLD[kind]) - set(angles)
    if lacking:
        raise ValueError(f"angles of the kind {kind!r} need {', '.join(sorted(lacking))}")
    trained_len = angles.get(SLOPE) or facts.get(SLOPE) or facts["max_position_embeddings"]
    frequencies = partial(_frequencies, kind, base, angles, trained_len)
    larger = 1.0
    if kind == "yarn":
        growth = angles.get("attention_factor", 0.1 * math.log(max(angles["factor"], 1)) + 1)
        larger = growth**2  # of queries and of keys
    return lambda d_head: Rotary(d_head, base, frequencies=frequencies(d_head)), larger


def _frequencies(
    kind: str, base: float, angles: dict, trained_len: int, d_head: int
) -> torch.Tensor:
    given = d_head, angles["factor"], base
    if kind == "linear":
        return interpolated_frequencies(*given)
    if kind == "llama3":
        slow, fast = angles["low_freq_factor"], angles["high_freq_factor"]
        return llama3_frequencies(*given, trained_len=trained_len, slow=slow, fast=fast)
    slow, fast = angles.get("beta_slow", 1.0), angles.get("beta_fast", 32.0)
    return yarn_frequencies(*given, trained_len=trained_len, slow=slow, fast=fast)
