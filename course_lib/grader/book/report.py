"""What instructors and students read: one page for the class, one file for each student."""

import html
from collections import Counter
from pathlib import Path

from course_lib.paths import write_private

from ..course.finding.candidates import shown
from .dated import MARKED
from .gradebook import all_rows, mixed, result_file
from .rules import Rules, rules_of
from .totals import Total, by_student, number, total
from .unused import unused

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;"
    "color-scheme:light dark}table{border-collapse:collapse}td,th{padding:4px 10px;"
    "border-bottom:1px solid #8888;text-align:left}td.n{text-align:right}"
)


def write(book: Path) -> Path:
    """Write the class's page and every student's feedback; returns the page."""
    rules, students = rules_of(book), by_student(all_rows(book))
    for student, own in students.items():
        name = result_file(book, student).stem
        write_private(book / "feedback" / f"{name}.md", feedback(student, own, rules))
    page = book / "class.html"
    write_private(page, class_page(students, rules))
    return page


def marked_late(book: Path) -> list[str]:
    """Students and chapters that a platform calls late without telling a time."""
    found = ((row["student"], row["exercise"][:2]) for row in all_rows(book) if row.get(MARKED))
    return [f"{shown(student)} (chapter {chapter})" for student, chapter in sorted(set(found))]


def feedback(student: str, rows: list[dict], rules: Rules | None = None) -> str:
    """A student's marks, mistakes and first hints, as Markdown; never a solution."""
    came = total(rows, rules or Rules())
    lines = [f"# {_plain(student)}: {number(came.points)} of {came.out_of} points", ""]
    lines += [f"- {told}" for told in _rules_applied(came)]
    lines += [""] if lines[-1] else []
    for row in rows:
        lines += [
            f"## {row['exercise']} · {row['verdict']} · {row['points']} of {row['out_of']}",
            "",
        ]
        lines += [_plain(row["summary"]), ""]
        if row.get("values"):
            own = ", ".join(f"{name} = {value!r}" for name, value in row["values"].items())
            lines += [f"Handed out with {_plain(own)}.", ""]
        if row["says"]:
            lines += [f"This is what you get when {row['says']}.", ""]
        lines += [f"- {_plain(detail)}" for detail in row["details"]]
        lines += [f"- Graded: {_plain(row['where'])}"] if row.get("where") else []
        lines += [f"- Hint: {row['hints'][0]}"] if row["hints"] else []
        lines += [""] if lines[-1] else []
    if left := unused(rows):
        lines += ["## Not used", "", *(f"- {_plain(each)}" for each in left), ""]
    return "\n".join(lines)


def _rules_applied(came: Total) -> list[str]:
    """What the rules changed, in words, and what they could not: nothing where all is as given."""
    late = [
        f"chapter {chapter}: {own.days_late} {'day' if own.days_late == 1 else 'days'} late, "
        f"{number(own.late)} of {number(own.raw)} points are left"
        + (f" (late: {', '.join(own.late_ones)})" if own.late_ones else "")
        for chapter, own in came.chapters.items()
        if own.days_late
    ]
    marked = [
        f"chapter {chapter}: marked LATE by the platform, which tells no time: no day is counted"
        for chapter, own in came.chapters.items()
        if own.marked_late
    ]
    dropped = [f"not counted: {', '.join(came.dropped)}"] if came.dropped else []
    before = [f"before the rules of the class: {number(came.raw)} of {came.out_of} points"]
    return [*before, *late, *dropped, *marked] if late or dropped else marked


def class_page(students: dict[str, list[dict]], rules: Rules | None = None) -> str:
    """Marks, exercise by exercise, and which mistakes the class makes."""
    marks = _marks(
        {student: (own, total(own, rules or Rules())) for student, own in students.items()}
    )
    parts = [f"<h1>{len(students)} students</h1>", _warned(students), _mistakes(students), marks]
    head = f'<meta charset="utf-8"><title>Gradebook</title><style>{STYLE}</style>'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
    )


def _warned(students: dict[str, list[dict]]) -> str:
    """A word on top where totals would mix points of different keys."""
    found = mixed(row for own in students.values() for row in own)
    told = f"Judged by different keys, so that totals mix: {', '.join(found)}. Grade them again."
    return f"<p><strong>{told}</strong></p>" if found else ""


def _mistakes(students: dict[str, list[dict]]) -> str:
    """For each exercise: how many solved it, and its mistakes, the commonest first."""
    rows = [row for own in students.values() for row in own]
    body = []
    for exercise in sorted({row["exercise"] for row in rows}):
        own = [row for row in rows if row["exercise"] == exercise]
        right = sum(row["verdict"] == "right" for row in own)
        named = Counter(row["says"] for row in own if row["says"])
        told = "<br>".join(
            f"{_share(count, len(own))} {_escape(says)}" for says, count in named.most_common(5)
        )
        seconds = sum(row["seconds"] for row in own) / len(own)
        cells = f"<td>{exercise}</td><td class=n>{_share(right, len(own))}</td><td>{told}</td>"
        body.append(f"<tr>{cells}<td class=n>{seconds:.2f}</td></tr>")
    head = "<tr><th>exercise</th><th>right</th><th>mistakes made</th><th>seconds, mean</th></tr>"
    return f"<h2>Exercises</h2><table>{head}{''.join(body)}</table>"


def _marks(students: dict[str, tuple[list[dict], Total]]) -> str:
    body = []
    for student, (own, came) in sorted(students.items()):
        level = ", ".join(sorted({row["isolation"] for row in own}))
        told = "; ".join(_rules_applied(came))
        left = "<br>".join(map(_escape, unused(own)))
        points = f"<td class=n>{number(came.points)} of {came.out_of}</td>"
        body.append(
            f"<tr><td>{_escape(student)}</td>{points}<td>{_escape(told)}</td><td>{left}</td>"
            f"<td>{level}</td></tr>"
        )
    head = "<tr><th>student</th><th>points</th><th>rules</th><th>not used</th>"
    head += "<th>isolation</th></tr>"
    return f"<h2>Marks</h2><table>{head}{''.join(body)}</table>"


def _share(count: int, of: int) -> str:
    return f"{round(100 * count / of)}&nbsp;%"


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _plain(text: str) -> str:
    """Text of a submission, on one line and without a meaning in Markdown or HTML."""
    line = "".join(c for c in " ".join(str(text).split()) if c.isprintable())
    return _escape("".join("\\" + c if c in "`*_[]#|!\\" else c for c in line))
