"""A text in tokens: each a box in one of four shades, with its id; its bytes on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.views.page import View, escape

SHADES = ("0,114,178", "230,159,0", "0,158,115", "204,121,167")
SIGNS = {" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"}


class Strips(View):
    """A row of boxes for each tokenizer that is compared."""

    def __init__(self, rows: Mapping[str, Sequence[tuple[str | bytes, int]]], title: str) -> None:
        self.rows = {name: [(_bytes(t), int(i)) for t, i in row] for name, row in rows.items()}
        # Pieces that are texts are a tokenizer's spelling, such as `##ing`: not the text's bytes.
        self.spelled = {
            name for name, row in rows.items() if any(isinstance(t, str) for t, _ in row)
        }
        self.title = title

    def text(self) -> str:
        lines = [self.title]
        for name, row in self.rows.items():
            lines.append(f"  {name}, {len(row)} tokens: " + "|".join(shown(t) for t, _ in row))
        return "\n".join(lines)

    def html(self) -> str:
        rows = []
        for name, row in self.rows.items():
            boxes = "".join(self._box(i, token, id) for i, (token, id) in enumerate(row))
            head = f"<b>{escape(name)}</b>: {_counted(len(row), 'token')}"
            below = "" if name in self.spelled else self._bytes_of(row)
            rows.append(f'<div style="margin:6px 0">{head}<div>{boxes}</div>{below}</div>')
        title = escape(self.title)
        return (
            f'<div class="course-view course-strips" role="group" aria-label="{title}">'
            f"<div><b>{title}</b></div>{''.join(rows)}</div>"
        )

    def _box(self, place: int, token: bytes, id: int) -> str:
        style = (
            f"display:inline-block;line-height:1.25;vertical-align:top;text-align:center;"
            f"margin:1px;padding:0 3px;border-radius:3px;white-space:pre;"
            f"background:rgba({SHADES[place % len(SHADES)]},.3)"
        )
        small = f'<span style="display:block;font-size:0.7em">{id}</span>'
        return f'<span style="{style}">{escape(shown(token))}{small}</span>'

    def _bytes_of(self, row: list[tuple[bytes, int]]) -> str:
        """All bytes, folded away; opened by a click, a touch or a key."""
        count = _counted(sum(len(token) for token, _ in row), "byte")
        told = " | ".join(token.hex(" ") for token, _ in row)
        return f"<details><summary>{count}</summary><code>{told}</code></details>"


def token_strips(
    rows: Mapping[str, Sequence[tuple[str | bytes, int]]], *, title: str = "A text in tokens"
) -> Strips:
    """Show into which tokens each tokenizer cuts a text: `rows` has (token, id) pairs by its name.

    A space shows as "␣", the end of a line as "⏎", bytes that are no whole character in hex.
    """
    return Strips(rows, title)


def shown(token: bytes) -> str:
    """A token as a reader sees it."""
    try:
        text = token.decode("utf-8")
    except UnicodeDecodeError:
        return "<" + token.hex(" ") + ">"
    return "".join(SIGNS.get(sign, sign) for sign in text)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _bytes(token: str | bytes) -> bytes:
    return token.encode("utf-8", "surrogatepass") if isinstance(token, str) else bytes(token)
