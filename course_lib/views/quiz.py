"""Quizzes: one right option a question, and a reason for every option."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.paths import ROOT
from course_lib.views.page import OWN_KEYS, View, framed, prose

RIGHT, WRONG = "✓ Right.", "✗ Not this one."


@dataclass(frozen=True)
class Option:
    """One answer to choose, and why it is right or what leads people to it."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its options in the order they are shown."""

    id: str
    text: str
    options: tuple[Option, ...]


class Quiz(View):
    """Questions that answer back."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)

    def text(self) -> str:
        lines = [f"Quiz: {_count(len(self.questions))}"]
        for number, question in enumerate(self.questions, 1):
            lines.append(f"{number}. {question.text}")
            lines += [f"   {chr(97 + i)}) {o.text}" for i, o in enumerate(question.options)]
        return "\n".join(lines)

    def html(self) -> str:
        fallback = "".join(_fallback(n, q) for n, q in enumerate(self.questions, 1))
        data = [
            {
                "id": question.id,
                "text": prose(question.text),
                "options": [
                    {"key": key_of(o), "text": prose(o.text), "why": prose(o.why), "right": o.right}
                    for o in question.options
                ],
            }
            for question in self.questions
        ]
        return framed("quiz", "Quiz", f'<div class="fallback">{fallback}</div>', data, keeps=True)


def quiz(chapter: str) -> Quiz:
    """The quiz of a chapter, from `notebooks/quizzes/NN_*.toml`.

    Raises `ValueError` if there is no such file or not just one, or it is not well formed.
    """
    found = sorted((ROOT / "notebooks" / "quizzes").glob(f"{chapter}_*.toml"))
    if len(found) != 1:
        names = [path.name for path in found]
        raise ValueError(f"chapter {chapter!r} has not just one quiz but {len(names)}: {names}")
    try:
        content = tomllib.loads(found[0].read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{found[0].name}: {error}") from error
    return quiz_from(content.get("question", []), source=found[0].name)


def quiz_from(questions: Sequence[dict[str, Any]], *, source: str = "quiz") -> Quiz:
    """A quiz from data: `{id, text, option: [{text, why, right}, …]}` for each question.

    Raises `ValueError`, naming `source` and the question, if an id comes twice, a text or a why
    is missing, there are fewer than two options, or not just one of them is right.
    """
    if not questions:
        raise ValueError(f"{source}: no questions")
    seen: set[str] = set()
    parsed = []
    for number, question in enumerate(questions, 1):
        where = f"{source}: question {question.get('id', number)}"
        parsed.append(_question(question, where))
        if parsed[-1].id in seen:
            raise ValueError(f"{where}: its id is there twice")
        seen.add(parsed[-1].id)
    return Quiz(parsed)


def _question(given: dict[str, Any], where: str) -> Question:
    id, text = _said(given, "id", where), _said(given, "text", where)
    options = []
    for number, option in enumerate(given.get("option", ()), 1):
        place = f"{where}, option {number}"
        right = option.get("right", False)
        if not isinstance(right, bool):
            raise ValueError(f"{place}: right is true or false, got {right!r}")
        options.append(Option(_said(option, "text", place), _said(option, "why", place), right))
    if len(options) < 2:
        raise ValueError(f"{where}: {len(options)} options, at least two expected")
    if len({option.text for option in options}) < len(options):
        raise ValueError(f"{where}: two options say the same")
    if (n := sum(option.right for option in options)) != 1:
        raise ValueError(f"{where}: {n} right options, just one expected")
    options.sort(key=lambda o: hashlib.sha256(f"{id}/{o.text}".encode()).digest())
    return Question(id, text, tuple(options))


def key_of(option: Option) -> str:
    """What an option is kept under: it follows its text, so a text that changed asks anew."""
    return hashlib.sha256(option.text.encode()).hexdigest()[:8]


def _said(given: dict[str, Any], key: str, where: str) -> str:
    text = given.get(key)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where}: {key} is missing")
    return " ".join(text.split())


def _fallback(number: int, question: Question) -> str:
    """A question for a page without scripts: the answers are folded."""
    options = "".join(f"<li>{prose(option.text)}</li>" for option in question.options)
    reasons = "".join(
        f"<li>{RIGHT if option.right else WRONG} {prose(option.text)} — {prose(option.why)}</li>"
        for option in question.options
    )
    return (
        f'<p style="margin:10px 0 0"><strong>{number}. {prose(question.text)}</strong></p>'
        f"<ul>{options}</ul>"
        f"<details><summary {OWN_KEYS}>Answer to {number}</summary><ul>{reasons}</ul></details>"
    )


def _count(number: int) -> str:
    return f"{number} question" if number == 1 else f"{number} questions"
