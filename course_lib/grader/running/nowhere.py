"""What an answer writes goes nowhere: there are no files, and nobody would read them."""

import builtins
import contextlib
import io
import os
from collections.abc import Callable
from typing import Any

import torch

WRITING = frozenset("wax")


def give_nowhere() -> None:
    """Let code write files, make folders and compile, though none of it may be done here.

    A file opened for writing is a copy of standard output, which leads nowhere. A folder is not
    made. `torch.compile` gives back what it is given: it would write, and start other programs.
    """
    plain, plain_os = io.open, os.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return plain(os.dup(1) if _is_lost(file, mode) else file, mode, *args, **kwargs)

    def opened_low(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        return os.dup(1) if writes or _is_devnull(path) else plain_os(path, flags, *args, **kwargs)

    def saved(made: Any, file: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(file, str | os.PathLike):  # a buffer: it may well be read again
            plain_save(made, file, *args, **kwargs)

    plain_save = torch.save
    builtins.open = io.open = opened
    os.open, torch.save = opened_low, saved
    os.mkdir = _unless_refused(os.mkdir)
    torch.compile = _as_it_is


def _is_devnull(path: Any) -> bool:
    return isinstance(path, str | os.PathLike) and os.fspath(path) == os.devnull


def _is_lost(file: Any, mode: Any) -> bool:
    path = isinstance(file, str | bytes | os.PathLike)
    return path and (_is_devnull(file) or (isinstance(mode, str) and bool(WRITING & set(mode))))


def _unless_refused(act: Callable) -> Callable:
    def done(*args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(OSError):
            act(*args, **kwargs)

    return done


def _as_it_is(model: Any = None, **options: Any) -> Any:
    """What `torch.compile` is given, called or as a decorator with options."""
    return model if model is not None else lambda given: given
