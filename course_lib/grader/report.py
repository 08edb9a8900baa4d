"""What instructors and students read: one page for the class, one file for each student."""

import html
from collections import Counter
from pathlib import Path

from course_lib.paths import write_atomic

from .gradebook import all_rows, result_file

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;"
    "color-scheme:light dark}table{border-collapse:collapse}td,th{padding:4px 10px;"
    "border-bottom:1px solid #8888;text-align:left}td.n{text-align:right}"
)


def write(book: Path) -> Path:
    """Write the class's page and every student's feedback; returns the page."""
    rows = list(all_rows(book))
    students: dict[str, list[dict]] = {}
    for row in rows:
        students.setdefault(row["student"], []).append(row)
    for student, own in students.items():
        name = result_file(book, student).stem
        write_atomic(book / "feedback" / f"{name}.md", feedback(student, own))
    page = book / "class.html"
    write_atomic(page, class_page(students))
    return page


def feedback(student: str, rows: list[dict]) -> str:
    """A student's marks, mistakes and first hints, as Markdown; never a solution."""
    points, out_of = _total(rows)
    lines = [f"# {_plain(student)}: {points} of {out_of} points", ""]
    for row in rows:
        lines += [
            f"## {row['exercise']} · {row['verdict']} · {row['points']} of {row['out_of']}",
            "",
        ]
        lines += [_plain(row["summary"]), ""]
        if row["says"]:
            lines += [f"This is what you get when {row['says']}.", ""]
        lines += [f"- {_plain(detail)}" for detail in row["details"]]
        lines += [f"- Hint: {row['hints'][0]}"] if row["hints"] else []
        lines += [""] if lines[-1] else []
    return "\n".join(lines)


def class_page(students: dict[str, list[dict]]) -> str:
    """Marks, exercise by exercise, and which mistakes the class makes."""
    parts = [f"<h1>{len(students)} students</h1>", _mistakes(students), _marks(students)]
    head = f'<meta charset="utf-8"><title>Gradebook</title><style>{STYLE}</style>'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
    )


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


def _marks(students: dict[str, list[dict]]) -> str:
    body = []
    for student, own in sorted(students.items()):
        points, out_of = _total(own)
        level = ", ".join(sorted({row["isolation"] for row in own}))
        cells = f"<td>{_escape(student)}</td><td class=n>{points} of {out_of}</td><td>{level}</td>"
        body.append(f"<tr>{cells}</tr>")
    head = "<tr><th>student</th><th>points</th><th>isolation</th></tr>"
    return f"<h2>Marks</h2><table>{head}{''.join(body)}</table>"


def _total(rows: list[dict]) -> tuple[int, int]:
    return sum(row["points"] for row in rows), sum(row["out_of"] for row in rows)


def _share(count: int, of: int) -> str:
    return f"{round(100 * count / of)}&nbsp;%"


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _plain(text: str) -> str:
    """Text of a submission, on one line and without a meaning in Markdown or HTML."""
    line = " ".join(str(text).split())
    return _escape("".join("\\" + c if c in "`*_[]#|!\\" else c for c in line))
