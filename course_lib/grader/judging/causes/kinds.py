"""What is wrong with a value's kind or shape, and what probably made it so: one plain sentence."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..compare import compare
from ..frames import foreign_kind
from ..outcome import ITSELF
from ..terms import Terms
from ..trees import leaves

LATER = "{} gives its values one by one, later: make a list or a tensor of it"
FOREIGN = {
    "NumPy ndarray": "an array of NumPy is no tensor: stay with PyTorch's functions",
    "set": "braces without a colon make a set, which has neither order nor names",
    "bytes": "bytes came back: `decode` makes a text of them, `list` makes numbers",
    "type": "a class came back, not an object of it: are the brackets after its name missing?",
    "function": "a function came back, not its result: are the brackets after its name missing?",
    "method": "a method came back, not its result: are the brackets after its name missing?",
    "builtin_function_or_method": (
        "a method came back, not its result: are the brackets after its name missing?"
    ),
} | {
    kind: LATER.format(f"{'an' if kind[0] in 'aeio' else 'a'} {kind}")
    for kind in ("generator", "map", "zip", "filter", "enumerate", "range", "list_iterator")
}

LOOKED_AT = 20  # results, for the right one among them: a list may hold hundreds of thousands
NO_LIST = "a list is asked for: `.tolist()` makes one of a tensor or an array"
FOR_LIST = "a dictionary came back, and a list is asked for: `.items()` has its entries"
FOR_TUPLE = "a dict came back: return its values without names, side by side with commas"
PLAIN = (
    "a tensor is asked for, and a plain number came: one written down, or what `.item()` or "
    "`float` make of a tensor"
)
DICTS = ("dict", "Counter", "defaultdict")  # under seal, one whose keys are no texts is Foreign


def by_kind(want: Any, got: Any, terms: Terms) -> str:
    """What makes `got` another kind of value than `want`; "" where nothing is sure."""
    if told := returned_error(got):
        return told
    if isinstance(got, str) and got == ITSELF:
        return "`self` came back, the object: return what the method worked out"
    if told := _foreign(want, got):
        return told
    kind = foreign_kind(got)
    if isinstance(got, str) and not isinstance(want, str) and got == str(want):
        return "a text came back, not the value: without quotes, and without `str` or an f-string"
    if kind in DICTS and isinstance(want, list | tuple):
        return FOR_LIST if isinstance(want, list) else FOR_TUPLE
    if isinstance(got, str) and not isinstance(want, str):
        return "a text came back: quotes make a text of what stands between them"
    if isinstance(want, dict) and isinstance(got, dict) and want.keys() != got.keys():
        return _names(want, got)
    many = isinstance(want, list | tuple) and len(want) > 1
    if many and isinstance(got, Tensor | float | int | dict):
        return "several results are asked for, in order: return them with commas between"
    if (
        isinstance(want, bool)
        and isinstance(got, Tensor)
        and got.ndim
        and not got.is_floating_point()
    ):
        return "one True or False is asked for: `.all()` and `.any()` make one of many"
    if isinstance(want, bool) and type(got) is int and got in (0, 1):
        return "True or False is asked for, and a number came back: `bool` makes one of it"
    if isinstance(got, list | tuple):
        return _several(want, got, terms)
    if isinstance(want, Tensor) and not want.ndim and isinstance(got, float | int):
        return PLAIN
    plain = isinstance(want, float | int) and not isinstance(want, bool)
    bare = isinstance(got, Tensor) and got.numel() == 1 and (got.ndim or terms.plain_numbers)
    if plain and bare:
        return "a plain number is asked for: `.item()` makes one of a tensor that holds one number"
    return ""


def _names(want: dict, got: dict) -> str:
    """What is wrong with the names of a dictionary."""
    if want.keys() > got.keys():
        return "names are missing: is one never set, or does a `return` stand inside of a loop?"
    if want.keys() < got.keys():
        return "the names that are asked for are all there, and others beside them"
    return "the names in the dictionary are asked for letter by letter, and no others"


def returned_error(got: Any) -> str:
    """What to say of an exception that came back as a value; "" for any other."""
    kind = foreign_kind(got)
    if not kind.endswith(("Error", "Exception")):
        return ""
    return f"you return the {kind}; to raise it, the line begins with `raise`"


def _foreign(want: Any, got: Any) -> str:
    plain = isinstance(want, list) and not any(isinstance(leaf, Tensor) for leaf in leaves(want))
    array = isinstance(got, Tensor) or foreign_kind(got) == "NumPy ndarray"
    if plain and array:
        return NO_LIST
    parts = [got, *got] if isinstance(got, list | tuple) else [got]
    return next((FOREIGN[kind] for kind in map(foreign_kind, parts) if kind in FOREIGN), "")


def _several(want: Any, got: list | tuple, terms: Terms) -> str:
    if isinstance(want, list | tuple):
        turned = type(want)(reversed(got))
        pair = len(want) == len(got) == 2
        return (
            "the two results are right, but exchanged"
            if pair and not compare(want, turned, terms)
            else ""
        )
    if len(got) == 1 and isinstance(got, tuple):
        return "a comma behind a value makes a tuple of it: look at the end of the line"
    if isinstance(want, bool) and got and all(isinstance(one, bool) for one in got):
        return "one True or False is asked for: `all(…)` or `any(…)` makes one of many"
    right = [i for i, one in enumerate(got[:LOOKED_AT], 1) if not compare(want, one, terms)]
    if right:
        return f"result {right[0]} of {len(got)} is what is asked for here: return it alone"
    # A tuple of tensors may be several results; a list of them is rows.
    rows = isinstance(got, list) and len(got) > 0 and all(isinstance(x, Tensor) for x in got)
    if isinstance(want, Tensor) and want.ndim and (rows or _numbers(got) == want.numel()):
        return (
            "a list or tuple is no tensor: `torch.tensor` makes one of numbers, `torch.stack` of "
            "tensors"
        )
    return ""


def _numbers(got: list | tuple) -> int:
    """How many numbers nested lists hold; none where they hold anything else."""
    parts = leaves(got)
    fits = all(isinstance(x, Tensor | float | int) for x in parts)
    return sum(x.numel() if isinstance(x, Tensor) else 1 for x in parts) if fits else 0


def by_dtype(want: Tensor, got: Tensor, inputs: list) -> str:
    """A result whose dtype isn't that of the inputs, as the right one's is."""
    if want.dtype == torch.bool != got.dtype:
        return "True and False are asked for, and numbers come back: compare, as in `a <= b`"
    given = {x.dtype for x in inputs if isinstance(x, Tensor) and x.is_floating_point()}
    if want.dtype == got.dtype or given != {want.dtype}:
        return ""
    told = str(want.dtype).removeprefix("torch.")
    return f"the input is {told}, and the result should be too: convert it back, or not at all"


def by_dtypes(told: Sequence[str]) -> str:
    """The same of several dtypes that came in, from what is said of each of them."""
    return "the result should have the dtype of the input, whichever comes in" if all(told) else ""
