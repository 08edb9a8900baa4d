"""The check panel: what a verdict says, for the eye, the ear and the terminal."""

from __future__ import annotations

from typing import Protocol

from course_lib.views.page import OWN_KEYS, View, escape, keys, prose

# ink, ground, sign, word: at least 7:1 on their own ground, so that they read in any theme
LOOK = {
    "right": ("#0b4f1c", "#e6f4ea", "✓", "Right"),
    "wrong": ("#7f1d1d", "#fdecec", "✗", "Not yet"),
    "crashed": ("#5c3600", "#fff3d6", "!", "Your code stopped"),
    "not attempted": ("#33404f", "#eef1f5", "○", "Not attempted"),
    "earlier": ("#45246b", "#f3ebfb", "↺", "An earlier version was judged"),
}
NAMED = "This is what you get when"


class Verdict(Protocol):
    """What a panel needs to know of an answer; `grader.verdict.Verdict` has it all."""

    id: str
    title: str
    state: str
    summary: str
    details: tuple[str, ...]
    mistake: str | None
    hints: tuple[str, ...]
    crash: tuple[str, ...]
    points: int
    out_of: int
    solution: str | None
    notes: tuple[str, ...]
    case: str


class Panel(View):
    """A verdict, shown."""

    def __init__(self, verdict: Verdict) -> None:
        if verdict.state not in LOOK:
            raise ValueError(f"state {verdict.state!r} is none of {', '.join(LOOK)}")
        self.verdict = verdict

    def text(self) -> str:
        found = self.verdict
        lines = [f"[{found.state}] {found.id}: {found.summary}"]
        if found.mistake:
            lines.append(f"  {named(found.mistake)}")
        lines += [f"  {line}" for line in (*found.crash, *found.details, *found.notes)]
        if found.hints:
            lines.append(f"  hint 1 of {len(found.hints)}: {found.hints[0]}")
        return "\n".join(lines)

    def html(self) -> str:
        found = self.verdict
        ink, ground, sign, word = LOOK[found.state]
        style = (
            f"border-left:6px solid {ink};background:{ground};color:{ink};padding:8px 14px;"
            f"border-radius:4px;max-width:60em;line-height:1.5"
        )
        return (
            f'<div class="course-view course-panel" role="status" style="{style}" '
            f'data-state="{escape(found.state)}">'
            f"<div><strong>{sign} {word}: {prose(found.title)}</strong>{self._points()}</div>"
            f"<div>{prose(found.summary)}</div>{self._mistake()}{_code(found.crash)}"
            f"{_list((*found.details, *found.notes))}{self._case()}"
            f"{_hints(found.hints, found.solution)}"
            f"{keys() if found.hints or found.solution or found.case else ''}</div>"
        )

    def _points(self) -> str:
        found = self.verdict
        return f" · {found.points} of {_count(found.out_of, 'point')}" if found.out_of else ""

    def _case(self) -> str:
        case = self.verdict.case
        return _folded("The failing case as code", _code(case)) if case else ""

    def _mistake(self) -> str:
        if not self.verdict.mistake:
            return ""
        return f'<p style="margin:8px 0"><strong>{prose(named(self.verdict.mistake))}</strong></p>'


def panel(verdict: Verdict) -> Panel:
    """Show a verdict: sign, word and colour, what was found, hints that open one by one.

    Raises `ValueError` for an unknown state.
    """
    return Panel(verdict)


def named(mistake: str) -> str:
    """The sentence that names a mistake: "This is what you get when softmax runs over …"."""
    return f"{NAMED} {mistake}"


def _list(lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{prose(line)}</li>" for line in lines)
    return f'<ul style="margin:6px 0;padding-left:1.4em">{items}</ul>'


def _code(lines: tuple[str, ...] | str | None) -> str:
    """Code or a crash, in ink and on ground of the panel whatever the theme."""
    text = lines if isinstance(lines, str) else "\n".join(lines or ())
    if not text.strip():
        return ""
    style = (
        "background:transparent;color:inherit;font-family:monospace;font-size:0.95em;"
        "margin:6px 0;padding:0;white-space:pre-wrap"
    )
    return f'<pre style="{style}">{escape(text)}</pre>'


def _hints(hints: tuple[str, ...], solution: str | None) -> str:
    """Each hint folded inside the one before it, so that they can only open in order."""
    inner = ""
    if solution:
        inner = _folded("Show a solution", _code(solution.strip("\n")))
    for number, hint in reversed(list(enumerate(hints, 1))):
        inner = _folded(f"Hint {number} of {len(hints)}", prose(hint) + inner)
    return inner


def _folded(summary: str, inner: str) -> str:
    return (
        f'<details style="margin:4px 0"><summary {OWN_KEYS} style="cursor:pointer">'
        f"{escape(summary)}</summary>"
        f'<div style="margin:2px 0 2px 1.1em">{inner}</div></details>'
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
