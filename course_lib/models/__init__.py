"""Whole models, assembled from `course_lib.nn`: `from course_lib.models import Seq2Seq`."""

from importlib import import_module
from typing import Any

PLACES = {  # a file: what may be imported from here
    "bert": "MINILM Bert BertBlock BertConfig BertEmbedding",
    "seq2seq": "Seq2Seq",
    "seq2seq_sizes": "BASE BIG Seq2SeqConfig",
    "writer": "Writer",
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
