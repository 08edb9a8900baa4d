"""Predict first: a guess kept with the learner's work, and shown beside what came out."""

from __future__ import annotations

import re

from course_lib.views.page import OWN_KEYS, View, escape, framed, prose

FOLDED = "What came out: guess first, then open"
ID = re.compile(r"\d\d\.[a-z0-9][a-z0-9-]*")


class Prediction(View):
    """A question with a place for a guess."""

    def __init__(self, id: str, question: str) -> None:
        self.id, self.question = _checked(id), question
        if not question.strip():
            raise ValueError(f"prediction {id} asks nothing: the question is empty")

    def text(self) -> str:
        return f"Predict first: {self.question}"

    def html(self) -> str:
        fallback = (
            f'<p class="fallback" style="border-left:6px solid #0072b2;padding:4px 12px">'
            f"<strong>Predict first.</strong> {prose(self.question)}</p>"
        )
        data = {"id": self.id, "question": prose(self.question)}
        return framed("predict", "Predict first", fallback, data, keeps=True)


class Outcome(View):
    """What came out, with the guess beside it; folded away from who has not guessed yet."""

    def __init__(self, id: str, result: object) -> None:
        self.id, self.result = _checked(id), written(result)

    def text(self) -> str:
        return f"It came out as: {self.result}"

    def html(self) -> str:
        fallback = (
            f'<details class="fallback" style="border-left:6px solid #0072b2;padding:4px 12px">'
            f"<summary {OWN_KEYS}>{FOLDED}</summary>"
            f"It came out as: <strong>{escape(self.result)}</strong></details>"
        )
        data = {"id": self.id, "result": self.result, "folded": FOLDED}
        return framed("outcome", "Outcome", fallback, data, keeps=True)


def predict(id: str, question: str) -> Prediction:
    """Ask for a guess before the run. The guess is kept with the learner's work.

    `id` (such as `02.scaling`) joins it with its `outcome`. Raises `ValueError` if the id has
    another form or the question is empty.
    """
    return Prediction(id, question)


def outcome(id: str, result: object) -> Outcome:
    """Show a result, a string or a number, beside the guess made for the same `id`.

    It stays folded until there is a guess, or one click. Floats are shown with three decimals.
    Raises `ValueError` if the id has another form.
    """
    return Outcome(id, result)


def written(result: object) -> str:
    """A result as text; numbers as the notebooks print them."""
    if hasattr(result, "item") and getattr(result, "ndim", 1) == 0:
        result = result.item()
    if isinstance(result, float):
        return f"{round(result, 3) + 0.0:.3f}"
    return str(result)


def _checked(id: str) -> str:
    if not ID.fullmatch(id):
        raise ValueError(f"a prediction's id looks like 02.scaling, got {id!r}")
    return id
