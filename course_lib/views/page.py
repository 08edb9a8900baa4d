"""What all views share: the bundle, the frame around the HTML, escaping."""

from __future__ import annotations

import hashlib
import html
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

# JupyterLab looks for this on the focused element itself: without it, "d d" on a button of a view
# deletes the cell, and arrow keys change it.
OWN_KEYS = 'data-lm-suppress-shortcuts="true"'
CODE = (
    '<code style="font-family:monospace;color:inherit;background:rgba(127,127,127,.15);'
    'border-radius:3px;padding:0 .3em">'
)


class View(ABC):
    """Something that shows itself: as text, and as HTML."""

    @abstractmethod
    def text(self) -> str:
        """What a terminal shows; the same for the same data, on every machine."""

    @abstractmethod
    def html(self) -> str:
        """What a browser shows, scripts or not."""

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


def escape(text: object) -> str:
    """Text as HTML shows it, also inside an attribute."""
    return html.escape(str(text), quote=True)


def prose(text: str) -> str:
    """Escaped text in which `code` between backticks is set as code."""
    return re.sub(r"`([^`]+)`", rf"{CODE}\1</code>", escape(text))


def framed(kind: str, label: str, fallback: str, data: Any = None, *, keeps: bool = False) -> str:
    """The HTML of a view: `fallback`, which the script `kind`.js replaces by something livelier.

    Scripts make elements with `make` and `draw` (nodes.js). One that `keeps` something of the
    learner's finds it in `kept` (kept.js). In one that does not, a click beside the controls leads
    to one of them (ground.js): the next `[tabindex="0"]`, or else the first button.

    The script finds its own view through `document.currentScript`, so the same view may stand
    on a page twice; where a page runs scripts otherwise, the key, a hash of the data, serves.
    """
    given = json.dumps(data, ensure_ascii=False, sort_keys=True)
    given = given.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    key = hashlib.sha256(f"{kind}{label}{given}".encode()).hexdigest()[:12]
    start = (
        f'(() => {{ const root = document.currentScript?.closest(".course-view") ?? '
        f"document.querySelector('[data-key=\"{key}\"]:not([data-ready])');\n"
        f'if (!root || root.dataset.ready) return; root.dataset.ready = "yes";\n'
        f"const data = {given};\n{asset('nodes.js')}{asset('kept.js') if keeps else ''}"
    )
    end = (
        f"{asset('keys.js')}{'' if keeps else asset('ground.js')}"
        'root.querySelectorAll("button, input").forEach('
        'node => node.setAttribute("data-lm-suppress-shortcuts", "true")); })();'
    )
    return (
        f'<div class="course-view course-{kind}" data-key="{key}" role="group" '
        f'aria-label="{escape(label)}"><style>{asset(kind + ".css")}</style>{fallback}'
        f"<script>{start}{asset(kind + '.js')}{end}</script></div>"
    )


def table(caption: str, top: str, rows: Iterable[str], note: str) -> str:
    """What stands in a view's place until its script runs: rows of HTML, `top` the first row's."""
    first = f"<tr>{top}</tr>" if top else ""
    return (
        f'<div class="fallback" style="overflow-x:auto"><table style="font-size:0.85em">'
        f"<caption>{escape(caption)}</caption>{first}{''.join(rows)}</table><p>{note}</p></div>"
    )


def keys() -> str:
    """A script for what has buttons but no script of its own: its notebook's keys stay alive."""
    return (
        '<script>(() => { const root = document.currentScript?.closest(".course-view");\n'
        f"if (!root) return;\n{asset('keys.js')}}})();</script>"
    )


@cache
def asset(name: str) -> str:
    """The text of a script or style sheet that lies beside this module."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
