"""Weights handed to a learner's own module, and in words what of them doesn't fit."""

from collections.abc import Mapping

import torch
from torch import Tensor


def load(made: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load the weights. Raises RuntimeError, in one line, where names or sizes don't fit.

    A buffer of the learner's own, such as a mask made once, learns nothing and stays as it is. Nor
    does a second name of a weight that is asked for, such as a tied head's, add anything.
    """
    own = getattr(made, "state_dict", dict)()
    module = isinstance(made, torch.nn.Module)
    buffers = dict(made.named_buffers(remove_duplicate=False)) if module else ()  # of shared parts
    kept = {name: own.pop(name) for name in buffers if name in own and name not in state}
    seconds = _second_names(made, state) if module else {}
    kept |= {
        name: state[first] for name, first in seconds.items() if own.pop(name, None) is not None
    }
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


def _second_names(made: torch.nn.Module, state: Mapping[str, Tensor]) -> dict[str, str]:
    """The names that aren't asked for of weights that are, each with the name asked for."""
    there = dict(made.named_parameters(remove_duplicate=False))
    asked = {id(there[name]): name for name in state if name in there}
    others = {name: weight for name, weight in there.items() if name not in state}
    return {name: asked[id(w)] for name, w in others.items() if id(w) in asked}


def _listed(text: str, names: list[str]) -> str:
    return text.format(", ".join(names)) if names else ""
