"""The page that names pairs to look at, with the code that they share side by side."""

import html
from collections.abc import Mapping, Sequence

from ..book.report import STYLE
from .answers import Answers
from .nearness import Pair, shared_lines
from .normal import Piece

MOST_PAIRS, MOST_EXERCISES, MOST_LEFT_OUT = 40, 6, 200
OWN_STYLE = (
    ".two{display:grid;grid-template-columns:1fr 1fr;gap:1em}pre{overflow:auto;margin:0;"
    "padding:.5em;border:1px solid #8888}mark{background:#fc06;color:inherit}"
)
HOW = (
    "Names of variables, comments, layout and the order of statements don't count here; nor does "
    "what the course shows: stubs, solutions, chapters and the library. A shared statement counts "
    "the more, the fewer others wrote it: one bit for every halving of the class. The bits are "
    "those above what either of the two shares with the nearest tenth of the class. People who "
    "learn together, or who ask the same page or program, write alike too: this page says where to "
    "look, and not what happened. Talk to both."
)


def page(
    pairs: Sequence[Pair], found: Answers, given: Mapping[str, Sequence[Piece]], students: int
) -> str:
    """The whole page as HTML; every text of a submission is escaped."""
    parts = [f"<h1>{_count(len(pairs), 'pair')} to look at, of {students} students</h1>"]
    parts += [f"<p>{HOW}</p>", _table(pairs)]
    parts += [_pair(number, pair, found, given) for number, pair in enumerate(pairs[:MOST_PAIRS])]
    parts.append(_left_out(found))
    head = f'<meta charset="utf-8"><title>Pairs to look at</title><style>{STYLE}{OWN_STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def told(pair: Pair) -> str:
    """One pair in a line of text."""
    where = ", ".join([*pair.bits][:3]) + (", …" if len(pair.bits) > 3 else "")
    sure = "far above" if pair.clear else "above"
    names = f"{_printable(pair.one)} and {_printable(pair.other)}"
    return f"{names}: {sure} the limit, {pair.beyond:.0f} bits ({where})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return "<p>No pair stands out.</p>"
    rows = [
        f"<tr><td><a href='#p{number}'>{_names(pair)}</a></td><td class=n>{pair.beyond:.0f}</td>"
        f"<td>{'far above the limit' if pair.clear else 'above the limit'}</td></tr>"
        for number, pair in enumerate(pairs[:MOST_PAIRS])
    ]
    more = f"<p>{len(pairs) - MOST_PAIRS} more are not shown.</p>" if pairs[MOST_PAIRS:] else ""
    head = f"<tr><th>pair</th><th>bits</th><th>limit: {pairs[0].needed:.0f} bits</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>{more}"


def _pair(number: int, pair: Pair, found: Answers, given: Mapping[str, Sequence[Piece]]) -> str:
    parts = [f"<h2 id='p{number}'>{_names(pair)}</h2>"]
    for id, bits in [*pair.bits.items()][:MOST_EXERCISES]:
        own = found.pieces[id]
        rest = [pieces for name, pieces in own.items() if name not in (pair.one, pair.other)]
        lines = shared_lines(own[pair.one], own[pair.other], rest, given.get(id, ()))
        sides = [
            f"<div>{_escape(name)}{_code(found.sources[id, name], side)}</div>"
            for name, side in (
                (pair.one, [(here, wrote) for here, _, wrote in lines]),
                (pair.other, [(there, wrote) for _, there, wrote in lines]),
            )
        ]
        parts.append(f"<h3>{id} · {bits:.0f} bits</h3><div class=two>{''.join(sides)}</div>")
    return "".join(parts)


def _code(source: str, shared: Sequence[tuple[Piece, int]]) -> str:
    """A source with its shared lines marked, each with how many others wrote the same."""
    others = {n: wrote for p, wrote in shared for n in range(p.first, p.last + 1)}
    lines = []
    for number, line in enumerate(source.split("\n"), 1):
        text = _escape(line)
        if number in others:
            wrote = others[number]
            text = f"<mark title='{_count(wrote, 'other')} wrote this'>{text}</mark>"
        lines.append(text)
    return f"<pre>{chr(10).join(lines)}</pre>"


def _left_out(found: Answers) -> str:
    if not found.left_out:
        return ""
    rows = [" · ".join(map(_escape, entry)) for entry in found.left_out[:MOST_LEFT_OUT]]
    head = f"<h2>Not compared: {len(found.left_out)}</h2>"
    return f"{head}<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>"


def _names(pair: Pair) -> str:
    return f"{_escape(pair.one)} and {_escape(pair.other)}"


def _escape(text: str) -> str:
    return html.escape(_printable(text), quote=True)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
