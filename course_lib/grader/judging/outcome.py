"""What an answer does with a case: values, gradients, changed inputs, or an exception."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any, TextIO

import torch
from torch import Tensor

from .cases import Call, Case
from .errors.crash import RAISED, STOPPED, kind_of_error, learner_lines
from .loading import load
from .returned import returned
from .trees import identical, leaves, tree_map

ONE = " is "  # between two names of one weight
BACK = ", returned"  # behind the name of a list that came in, and is what comes back
FIT = "fit"  # a method of this name trains: it is handed data, and learns nothing about them
ITSELF = "the object itself"  # what `train()` and `eval()` return, as no frame holds a module


@dataclass(frozen=True)
class Outcome:
    """The result of one case. `values` and `gradients` hold one entry a call.

    Gradients go by what they reach: an argument, or one of the weights of a module. `raised` is the
    type of an exception, `kinds` what it is a kind of, `what` tells it from others of its type, and
    `crash` tells it with the learner's own line. `printed` is whether anything was.
    """

    values: tuple = ()
    gradients: tuple = ()
    changed: tuple[str, ...] = ()
    raised: str | None = None
    crash: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    what: str = ""
    printed: bool = False

    @property
    def bare(self) -> "Outcome":
        """The values alone, or that it raised."""
        return Outcome(self.values, raised=self.raised)

    def stops_like(self, found: "Outcome") -> bool:
        """Does `found` raise what this one raises? What is only `STOPPED` may raise anything."""
        if self.what == STOPPED:
            return found.what not in ("", RAISED)
        return self.raised in (found.raised, *found.kinds) and self.what in ("", found.what)


class Heard:
    """Standard output that knows whether something was printed."""

    def __init__(self, out: TextIO | None):
        self.out, self.anything = out or io.StringIO(), False

    def write(self, text: str) -> int:
        """Pass a text on."""
        self.anything |= bool(text.strip())
        return self.out.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.out, name)


def run_case(answer: Callable, case: Case, *, gradients: bool = True) -> Outcome:
    """Run `answer` on private copies of the case's inputs. An exception is an outcome too.

    Without `gradients`, the values alone, which is quicker where there are many weights.
    """
    dtype = torch.get_default_dtype()
    try:
        with redirect_stdout(Heard(sys.stdout)) as heard:
            outcome = _run_case(answer, case, gradients)
    finally:  # another one would change what the next case, or a mistake, gives
        torch.set_default_dtype(dtype)
    return replace(outcome, printed=True) if heard.anything else outcome


def _run_case(answer: Callable, case: Case, gradients: bool) -> Outcome:
    values, flows, changed = [], [], []
    try:
        target = build(answer, case)
        for number, planned in enumerate(case.calls):
            args = tree_map(_copy, list(planned.args))
            kwargs = {name: tree_map(_copy, value) for name, value in planned.kwargs.items()}
            asked = (case.grad or case.state is not None) and planned.method != FIT
            # Anew for each call: a training may put new parameters in the place of the old ones.
            weights = _weights(target, case)
            sources = (_float_inputs(args, kwargs) if asked else {}) | weights
            method = target if planned.method == "__call__" else getattr(target, planned.method)
            versions = [weight._version for weight in weights.values()]
            with torch.enable_grad():  # a page may have switched gradients off for good
                value = method(*args, **kwargs)
                # Where weights were trained, the way back to what they were is gone.
                trained = versions != [weight._version for weight in weights.values()]
                reached = sources if gradients else {}
                flows.append(dict.fromkeys(reached) if trained else _gradients(value, reached))
            values.append(ITSELF if value is target else tree_map(returned, value))
            changed += [
                f"call {number + 1}: {name}" for name in _changed(planned, args, kwargs, value)
            ]
        weights = _weights(target, case)
        moved = [name for name in weights if not identical(case.state[name], weights[name])]
        changed += dict.fromkeys(_names(weights, name) for name in moved)
    except (Exception, SystemExit) as error:  # an interrupt by the learner goes through
        raised, *kinds = (kind.__name__ for kind in type(error).__mro__)
        return Outcome(
            tuple(values),
            tuple(flows),
            tuple(changed),
            raised,
            crash=learner_lines(error),
            kinds=tuple(kinds),
            what=kind_of_error(error),
        )
    return Outcome(tuple(values), tuple(flows), tuple(changed))


def build(answer: Callable, case: Case) -> Callable:
    """The thing to call: the function itself, or an object of the class with its weights loaded."""
    if case.init is None:
        return answer
    made = answer(*case.init.values()) if case.by_order else answer(**case.init)
    if case.state is not None:
        load(made, case.state)
    return made.train(case.training) if isinstance(made, torch.nn.Module) else made


def _copy(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _float_inputs(args: list, kwargs: dict) -> dict[str, Tensor]:
    """The float tensors among the arguments, ready to receive gradients, by where they stand."""
    named = {f"argument {i}": arg for i, arg in enumerate(args, 1)} | kwargs
    found = {}
    for name, argument in named.items():
        tensors = [leaf for leaf in leaves(argument) if isinstance(leaf, Tensor)]
        floats = [leaf.requires_grad_() for leaf in tensors if leaf.is_floating_point()]
        found |= {f"{name}, {i}" if i else name: leaf for i, leaf in enumerate(floats)}
    return found


def _weights(target: object, case: Case) -> dict[str, Tensor]:
    """The parameters into which the case's weights were loaded, by name."""
    if not case.state:
        return {}
    there = dict(target.named_parameters(remove_duplicate=False))
    return {name: there[name] for name in case.state if name in there}


def _names(weights: dict[str, Tensor], name: str) -> str:
    """A weight's name, and a second one where two parts of the answer are one."""
    return ONE.join([other for other in weights if weights[other] is weights[name]][:2]) or name


def _gradients(value: Any, sources: dict[str, Tensor]) -> dict[str, Tensor | None]:
    """Gradients of one fixed, uneven weighting of the outputs; None where nothing flows."""
    outputs = [leaf for leaf in leaves(value) if isinstance(leaf, Tensor) and leaf.requires_grad]
    reached = {name: tensor for name, tensor in sources.items() if tensor.requires_grad}
    found: dict[str, Tensor | None] = dict.fromkeys(sources)
    if outputs and reached:
        total = sum((out * _uneven(out)).sum() for out in outputs)
        # The graph is kept: a later call may build on what this one left in a cache.
        flowing = torch.autograd.grad(
            total, list(reached.values()), allow_unused=True, retain_graph=True
        )
        found |= zip(reached, flowing, strict=True)
    return found


def _uneven(out: Tensor) -> Tensor:
    # Equal weights would hide a mistake: each row of softmax sums to 1, so its gradient vanishes.
    return torch.linspace(0.5, 1.5, out.numel(), dtype=out.dtype).reshape(out.shape)


def _changed(planned: Call, args: list, kwargs: dict, result: Any) -> list[str]:
    """The names of what was edited, or of a list that came back as the very same object."""
    named = {f"argument {i + 1}": (planned.args[i], arg) for i, arg in enumerate(args)}
    named |= {name: (planned.kwargs[name], value) for name, value in kwargs.items()}
    edited = [name for name, (before, after) in named.items() if not identical(before, after)]
    back = named if isinstance(result, list) and result else {}  # an empty one does no harm
    return edited or [f"{name}{BACK}" for name in back if named[name][1] is result]
