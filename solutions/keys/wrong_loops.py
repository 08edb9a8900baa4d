"""Training loops as learners write them, one thing wrong in each: for every key that trains."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.grader.judging.key import Mistake

OPTIMIZERS = {"momentum": (torch.optim.SGD, {"momentum": 0.9}), "adam": (torch.optim.Adam, {})}


def descend(module: nn.Module, loss: Tensor, rate: float) -> None:
    """One plain step of all weights that the loss reaches, as it should be."""
    module.zero_grad()
    loss.backward()
    with torch.no_grad():
        for weight in module.parameters():
            if weight.grad is not None:
                weight -= rate * weight.grad


class WrongLoop:
    """`fit` for a module whose forward is right: `way` names what goes wrong.

    `judged` says which scores are compared with which answers; `moves` of which weights, by name,
    a way of its own lets move.
    """

    way: str
    moves: ClassVar[dict[str, Callable[[str], bool]]] = {
        "weights-only": lambda name: "bias" not in name
    }

    def judged(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """A row of scores for each example, and its answer."""
        return self(x), y

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        rows, wanted = self.judged(x, y)
        self.rows = len(y)
        return {
            "shares-to-loss": lambda: F.cross_entropy(rows.softmax(dim=-1), wanted),
            "summed": lambda: F.cross_entropy(rows, wanted, reduction="sum"),
            "no-logarithm": lambda: F.nll_loss(rows, wanted),
            "squares": lambda: F.mse_loss(rows, F.one_hot(wanted, rows.shape[-1]).float()),
        }.get(self.way, lambda: F.cross_entropy(rows, wanted))()

    def move(self, loss: Tensor, rate: float) -> None:
        if self.way not in ("no-zero", "zeroed-once", "cleared-late"):
            self.zero_grad()
        loss.backward()
        if self.way == "no-step":
            return
        if self.way == "cleared-late":
            self.zero_grad()
        if self.way == "step-recorded":
            for weight in self.parameters():
                weight -= rate * weight.grad
        if self.way == "clipped":
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        rate = -rate if self.way == "uphill" else rate
        moving = self.moves.get(self.way, lambda name: True)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if moving(name):
                    size = self.sized(weight.grad)
                    weight -= size if self.way == "no-rate" else rate * size

    def sized(self, gradient: Tensor) -> Tensor:
        if self.way == "unit-step":
            return gradient / (gradient.norm() + 1e-12)
        if self.way == "mean-again":
            return gradient / self.rows
        return gradient.sign() if self.way == "signs" else gradient

    def batches(self, inputs: Tensor, answers: Tensor) -> list[tuple[Tensor, Tensor]]:
        each = [*zip(inputs, answers, strict=True)]
        return {
            "last-left-out": lambda: each[:-1],
            "first-again": lambda: each[:1] * len(each),
            "backwards": lambda: each[::-1],
            "twice": lambda: [pair for pair in each for _ in range(2)],
            "all-at-once": lambda: [(inputs.flatten(0, 1), answers.flatten(0, 1))] * len(each),
            "all-in-one": lambda: [(inputs.flatten(0, 1), answers.flatten(0, 1))],
            "examples-as-steps": lambda: [
                *zip(inputs.transpose(0, 1), answers.transpose(0, 1), strict=True)
            ],
            "returns-early": lambda: each[:1],
        }.get(self.way, lambda: each)()

    def fit(self, inputs: Tensor, answers: Tensor, rate: float) -> Any:
        losses, total = [], 0.0
        if self.way == "zeroed-once":
            self.zero_grad()
        if self.way in OPTIMIZERS:
            kind, more = OPTIMIZERS[self.way]
            optimizer = kind(self.parameters(), lr=rate, **more)
        for x, y in self.batches(inputs, answers):
            loss = self.loss(x, y)
            if self.way in OPTIMIZERS:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            else:
                self.move(loss, rate)
            total += loss.item()
            told = self.loss(x, y).item() if self.way == "loss-afterwards" else loss.item()
            losses.append(total if self.way == "running-sum" else told)
            if self.way == "losses-with-graph":
                losses[-1] = loss
        return {
            "last-loss": lambda: losses[-1],
            "mean-loss": lambda: sum(losses) / len(losses),
            "fit-nothing": lambda: None,
            "losses-a-tensor": lambda: torch.tensor(losses),
        }.get(self.way, lambda: losses)()


# By what they are about: a way, and what is said of it.
WAYS = {
    "loss": {
        "shares-to-loss": "softmax runs before `cross_entropy`, which has its own",
        "summed": "the loss is a sum; the mean was asked for",
        "no-logarithm": "`nll_loss` wants logarithms, and gets scores",
        "squares": "the loss is a squared error; cross-entropy was asked for",
    },
    "step": {
        "no-zero": "gradients of earlier steps are still there when you step",
        "zeroed-once": "gradients are cleared before the loop, not in each turn",
        "cleared-late": "there is no gradient at the step: `backward` is missing, or what it "
        "found is cleared",
        "step-recorded": "the step is recorded as if it were to be learned from: it belongs in "
        "`no_grad`",
        "no-step": "no weight moves: no step, gradients cleared before it, or `w = w - …`, which "
        "only makes a new tensor",
        "uphill": "the weights move along the gradient; the loss rises",
        "weights-only": "the biases never move",
        "signs": "the weights move by the sign of the gradient, not by its size",
        "mean-again": "the gradient is divided by the size of the batch once more; the loss is "
        "a mean already",
        "clipped": "the gradients are clipped; the text asks for plain steps",
        "momentum": "the steps remember earlier ones; plain steps were asked",
        "adam": "the steps are Adam's; the text asks for plain ones",
        "no-rate": "the rate that is handed in is not used",
    },
    "batch": {
        "last-left-out": "the last batch is never used",
        "first-again": "every step uses the first batch",
        "backwards": "the batches are used from the last to the first",
        "twice": "each batch is used twice",
        "all-at-once": "every step uses all batches together",
        "all-in-one": "all batches are put together and used for a single step",
        "examples-as-steps": "your steps go along the second axis; a batch is one entry of the "
        "first",
    },
    "losses": {
        "returns-early": "`fit` returns after its first step",
        "loss-afterwards": "a loss is measured after its step, not before",
        "running-sum": "losses are added up as you go; each step has its own",
        "last-loss": "`fit` returns the last loss alone",
        "mean-loss": "`fit` returns the average of all losses",
        "fit-nothing": "`fit` returns nothing: the losses stay inside of it",
        "losses-with-graph": "your losses are tensors, with all that made them",
        "losses-a-tensor": "`fit` returns a tensor; a list of numbers was asked for",
    },
}


def loop_mistakes(kind: type, hints: dict[str, tuple[str, str, str]]) -> list[Mistake]:
    """Every way of these, for a chapter's own module, with its hints by what they are about."""
    return [
        Mistake(way, kind, {"way": way}, says, hints[about])
        for about, ways in WAYS.items()
        for way, says in ways.items()
    ]
