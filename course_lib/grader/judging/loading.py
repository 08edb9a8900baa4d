"""Weights handed to a learner's own module, and in words what of them doesn't fit."""

from collections.abc import Mapping

import torch
from torch import Tensor


def load(made: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load the weights. Raises RuntimeError, in one line, where names or sizes don't fit.

    A buffer of the learner's own, such as a mask made once, learns nothing and stays as it is.
    """
    own = getattr(made, "state_dict", dict)()
    module = isinstance(made, torch.nn.Module)
    buffers = dict(made.named_buffers(remove_duplicate=False)) if module else ()  # of shared parts
    kept = {name: own.pop(name) for name in buffers if name in own and name not in state}
    told = [
        _listed("missing: {}", sorted(state.keys() - own.keys())),
        _listed("not asked for: {}", sorted(own.keys() - state.keys())),
        *(
            f"{name} is {tuple(own[name].shape)}, not {tuple(state[name].shape)}"
            for name in own
            if name in state and own[name].shape != state[name].shape
        ),
    ]
    if module and any(told):
        kind = type(made)
        of = f" for {kind.__name__}" if kind.__module__.startswith("torch.") else ""  # not theirs
        raise RuntimeError(f"loading state_dict{of}: {'; '.join(filter(None, told))}")
    made.load_state_dict(kept | dict(state))


def _listed(text: str, names: list[str]) -> str:
    return text.format(", ".join(names)) if names else ""
