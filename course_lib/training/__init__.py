"""Losses, schedules, the loop and its checkpoints: what makes any model learn.

It imports no model: a loss is any function of a batch that gives one number. Each name is imported
from here, or from its own file.
"""

from importlib import import_module
from typing import Any

PLACES = {  # a file: what may be imported from here
    "checkpoints": "save_checkpoint load_checkpoint",
    "evaluation": "evaluate evaluating",
    "loop": "Record train count_ids",
    "losses": "cross_entropy",
    "bars": "progress",
    "ranks": "mean_over_ranks on_every_rank share_of",
    "schedules": "noam cosine warmup_stable_decay",
}
_FILES = {name: file for file, names in PLACES.items() for name in names.split()}
__all__ = sorted(_FILES)


def __getattr__(name: str) -> Any:
    """Import a part when it is first asked for, so that nobody waits for the others."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    """The parts that may be imported from here."""
    return __all__
