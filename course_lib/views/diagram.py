"""The drawing of the Transformer that answers: what a part does, returns and holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course_lib.views.page import View, escape, framed, table


@dataclass(frozen=True)
class Part:
    """One box: its name, what is written in it, and what it does in a sentence."""

    name: str
    label: str
    does: str


READER = (
    Part("source embedding", "embedding", "Looks up each token's row in a table."),
    Part("source positions", "positions", "Adds waves that tell where a token stands."),
    Part("encoder self-attention", "self-attention", "Every token looks at all the others."),
    Part("encoder add & norm 1", "add & norm", "Adds what came in, then norms each vector."),
    Part("encoder feed-forward", "feed-forward", "Two layers; each token thinks alone."),
    Part("encoder add & norm 2", "add & norm", "Adds what came in, then norms each vector."),
)
WRITER = (
    Part("target embedding", "embedding", "Looks up each written token's row in a table."),
    Part("target positions", "positions", "Adds waves that tell where a token stands."),
    Part("masked self-attention", "masked self-attention", "Each token looks back, never ahead."),
    Part("decoder add & norm 1", "add & norm", "Adds what came in, then norms each vector."),
    Part("cross-attention", "cross-attention", "Each token looks over at the source's vectors."),
    Part("decoder add & norm 2", "add & norm", "Adds what came in, then norms each vector."),
    Part("decoder feed-forward", "feed-forward", "Two layers; each token thinks alone."),
    Part("decoder add & norm 3", "add & norm", "Adds what came in, then norms each vector."),
    Part("head", "linear + softmax", "Scores every token of the vocabulary."),
)
DIAGRAM_PARTS = tuple(part.name for part in READER + WRITER)
ONCE = {"source embedding", "source positions", "target embedding", "target positions", "head"}


class TransformerDiagram(View):
    """The encoder–decoder as boxes; each tells its output's shape and its parameters."""

    def __init__(
        self, shapes: Mapping[str, str], parameters: Mapping[str, int], num_layers: int, title: str
    ) -> None:
        for what, given in (("shapes", shapes), ("parameters", parameters)):
            if set(given) != set(DIAGRAM_PARTS):
                missing, unknown = set(DIAGRAM_PARTS) - set(given), set(given) - set(DIAGRAM_PARTS)
                raise ValueError(f"{what}: missing {sorted(missing)}, unknown {sorted(unknown)}")
        if num_layers < 1 or min(parameters.values()) < 0:
            raise ValueError(f"need {num_layers=} of 1 or more and counts of 0 or more")
        self.shapes, self.parameters = dict(shapes), {k: int(v) for k, v in parameters.items()}
        self.num_layers, self.title = num_layers, title

    def times(self, name: str) -> int:
        """How often a part stands in the model."""
        return 1 if name in ONCE else self.num_layers

    @property
    def total(self) -> int:
        """The parameters of the whole model."""
        return sum(count * self.times(name) for name, count in self.parameters.items())

    def told(self, name: str) -> str:
        """A part's parameters in words: of one, and of all its copies."""
        count, times = self.parameters[name], self.times(name)
        if not count:
            return "no parameters of its own"
        share = 100 * count * times / self.total
        share = f"{share:.1f}%" if share >= 0.05 else "under 0.1%"
        if times == 1:
            return f"{count:,} parameters, {share} of the model"
        return f"{count:,} parameters × {times} blocks = {count * times:,}, {share} of the model"

    def text(self) -> str:
        lines = [f"{self.title}: {self.total:,} parameters"]
        width = max(map(len, DIAGRAM_PARTS))
        for side, parts in (("encoder", READER), ("decoder", WRITER)):
            lines.append(f"{side}, from the bottom up:")
            for part in parts:
                name = part.name
                lines.append(f"  {name:{width}}  {self.shapes[name]}  {self.told(name)}")
        return "\n".join(lines)

    def html(self) -> str:
        boxes = [
            [
                {
                    "name": part.name,
                    "label": part.label,
                    "does": part.does,
                    "shape": self.shapes[part.name],
                    "told": self.told(part.name),
                    "once": part.name in ONCE,
                    "share": round(self._share(part.name), 4),
                }
                for part in parts
            ]
            for parts in (READER, WRITER)
        ]
        data = {
            "columns": boxes,
            "layers": self.num_layers,
            "title": self.title,
            "total": f"{self.total:,}",
        }
        return framed("diagram", self.title, self._table(), data)

    def _share(self, name: str) -> float:
        return self.parameters[name] * self.times(name) / max(self.total, 1)

    def _table(self) -> str:
        """The same as a table; a bar in each row stands for its share of the parameters."""
        rows = []
        for part in READER + WRITER:
            bar = f"background:linear-gradient(90deg,rgba(0,114,178,.35) {self._bar(part)},"
            cells = (
                f'<th scope="row" style="text-align:left">{escape(part.name)}</th>'
                f'<td style="padding:2px 10px">{escape(self.shapes[part.name])}</td>'
                f'<td style="padding:2px 10px;{bar}transparent 0)">'
                f"{escape(self.told(part.name))}</td>"
            )
            rows.append(f"<tr>{cells}</tr>")
        heads = ("part", "what comes out", "parameters")
        top = "".join(f'<th scope="col">{head}</th>' for head in heads)
        caption = f"{self.title}: {self.total:,} parameters, from the source to the scores."
        note = "Run the cell, and the drawing answers the mouse and the arrow keys."
        return table(caption, top, rows, note)

    def _bar(self, part: Part) -> str:
        return f"{100 * self._share(part.name):.1f}%"


def transformer_diagram(
    shapes: Mapping[str, str],
    parameters: Mapping[str, int],
    *,
    num_layers: int,
    title: str = "The Transformer",
) -> TransformerDiagram:
    """Draw the encoder–decoder of 2017 as boxes that answer mouse, touch and arrow keys.

    For each of `DIAGRAM_PARTS`, `shapes` says in words what comes out of it, and `parameters` how
    many numbers it learns: within a block, of one block out of `num_layers`. A part that shares
    another one's table has 0. A bar in each box is its share of the model.
    Raises `ValueError` when a part is missing or unknown, a count negative, `num_layers` below 1.

    Source: Vaswani et al. 2017, figure 1 (arXiv:1706.03762).
    """
    return TransformerDiagram(shapes, parameters, num_layers, title)
