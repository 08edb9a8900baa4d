"""Figures that can be read aloud: a picture with its description."""

from __future__ import annotations

import base64
import io
from typing import Any

from course_lib.views.page import OWN_KEYS, asset, escape

DOTS_PER_INCH = 144  # sharp on dense screens; shown at two thirds of the pixels
SHOWN_PER_INCH = 96


class Figure:
    """A drawn figure and its description, `alt`."""

    def __init__(self, png: bytes, alt: str, width: int) -> None:
        self.png, self.alt, self.width = png, alt, width

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        picture = base64.b64encode(self.png).decode("ascii")
        data = {"image/png": picture, "text/plain": repr(self)}
        return data, {"image/png": {"alt": self.alt, "width": self.width}}

    def description(self) -> str:
        """HTML that follows the picture and hands it its description.

        JupyterLab 4 draws `image/png` without the `alt` of its metadata. Where scripts run, this
        one puts it there; where they don't, the description stands below, folded.
        """
        own_keys = f"const keysOf = root => {{\n{asset('keys.js')}}};\n"
        script = f"(() => {{ {own_keys}{asset('alt.js')}}})();"
        return (
            f'<details class="course-view course-alt" data-alt="{escape(self.alt)}" '
            f'style="font-size:0.85em"><summary {OWN_KEYS}>Description of the figure</summary>'
            f"{escape(self.alt)}<script>{script}</script></details>"
        )

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)
        display({"text/html": self.description()}, raw=True)


def show(figure: Any, alt: str) -> Figure:
    """Show a figure, or the figure of the Axes given, with a description for who can't see it.

    `alt` says what the picture shows and what is to be seen in it. The figure is closed, so that
    the notebook doesn't print it a second time. Raises `ValueError` if `alt` is empty or `figure`
    is no figure.
    """
    if not alt.strip():
        raise ValueError("a figure needs a description: alt is empty")
    figure = _whole(figure)
    page = io.BytesIO()
    # no software name and version in the file: the same figure gives the same bytes
    options = {"bbox_inches": "tight", "facecolor": "white", "metadata": {"Software": None}}
    figure.savefig(page, format="png", dpi=DOTS_PER_INCH, **options)
    _close(figure)
    png, pixels = _smaller(page)
    return Figure(png, " ".join(alt.split()), round(pixels * SHOWN_PER_INCH / DOTS_PER_INCH))


def _smaller(page: io.BytesIO) -> tuple[bytes, int]:
    """The picture with a palette of 256 colours, a third of the size; and its width in pixels."""
    from PIL import Image

    picture = Image.open(page).convert("RGB")
    # of Pillow's methods the one that misses no small mark of a rare colour
    palette = {"method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE, "kmeans": 1}
    small = io.BytesIO()
    picture.quantize(256, **palette).save(small, format="png", optimize=True)
    return small.getvalue(), picture.width


def _whole(drawn: Any) -> Any:
    """The figure that Axes, or an array of Axes as `head_grid` returns, belong to."""
    given = type(drawn).__name__
    drawn = drawn.flat[0] if hasattr(drawn, "flat") else drawn
    while drawn is not None and not hasattr(drawn, "savefig"):
        drawn = getattr(drawn, "figure", None)
    if drawn is None:
        raise ValueError(f"show takes a figure or its Axes, got {given}")
    return drawn


def _close(figure: Any) -> None:
    # imported late: quizzes and check panels need no plotting library
    import matplotlib.pyplot as plt

    plt.close(figure)
