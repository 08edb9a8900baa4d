"""Text from scores: picking the next token, the loop around it, searching with beams.

A model is anything that gives each token of ids (batch, seq) the scores of the one after it:
`from course_lib.generation import generate, sample`.
"""

from importlib import import_module
from typing import Any

PLACES = {  # a file: what may be imported from here
    "beam": "beam_search beam_steps",
    "candidates": "Beams power_penalty wu_penalty",
    "loop": "generate stream",
    "picking": "greedy keep_min_p keep_top_k keep_top_p penalize_repeats probabilities sample",
    "rows": "pad_left",
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
