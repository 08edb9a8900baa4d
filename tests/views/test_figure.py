import base64
import html
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.views import show


def drawn():
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, 1], [0, 1])
    return fig, ax


def test_bundle_has_the_picture_its_description_and_its_width():
    fig, _ = drawn()
    data, metadata = show(fig, "A line\n  that rises.")._repr_mimebundle_()
    assert data["text/plain"] == "Figure: A line that rises."
    pixels = plt.imread(io.BytesIO(base64.b64decode(data["image/png"])))
    assert metadata["image/png"]["alt"] == "A line that rises."
    assert metadata["image/png"]["width"] == round(pixels.shape[1] / 1.5)


def test_the_figure_is_closed_so_that_it_is_not_printed_twice():
    fig, ax = drawn()
    show(ax, "A line.")
    assert fig.number not in plt.get_fignums()


def test_axes_an_array_of_axes_or_a_subfigure_stand_for_their_figure():
    _, axes = plt.subplots(2, 2)
    assert show(axes, "Four.").png == show(axes[1, 1], "Four.").png
    part = plt.figure().subfigures(1, 2)
    assert isinstance(part, np.ndarray)
    assert repr(show(part, "Two.")) == "Figure: Two."


def test_the_same_drawing_gives_the_same_bytes():
    assert show(drawn()[0], "A line.").png == show(drawn()[0], "A line.").png


def test_fewer_colours_are_not_seen():
    fig, ax = plt.subplots(figsize=(4, 3))
    fig.colorbar(ax.scatter(range(9), range(9), c=range(9), cmap="cividis"))
    whole = io.BytesIO()
    fig.savefig(whole, dpi=144, bbox_inches="tight", facecolor="white")
    small = show(fig, "Nine dots from dark to bright.").png
    assert len(small) < 0.6 * len(whole.getvalue())
    before, after = (plt.imread(io.BytesIO(png))[..., :3] for png in (whole.getvalue(), small))
    assert np.abs(before - after).max() < 16 / 255


def test_description_is_escaped_and_folded():
    page = show(drawn()[0], 'It says "<b>".').description()
    assert page.startswith("<details")
    assert html.escape('It says "<b>".') in page
    assert "<b>" not in page


def test_in_ipython_the_picture_is_followed_by_its_description(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, metadata=None, raw=False: shown.append(data)
    )
    show(drawn()[0], "A line.")._ipython_display_()
    assert [sorted(data) for data in shown] == [["image/png", "text/plain"], ["text/html"]]
    assert re.search('data-alt="A line."', shown[1]["text/html"])


@pytest.mark.parametrize("alt", ["", " \n"])
def test_an_empty_description_is_refused(alt):
    with pytest.raises(ValueError, match="alt is empty"):
        show(drawn()[0], alt)


def test_what_is_no_figure_is_refused_by_name():
    with pytest.raises(ValueError, match="got list"):
        show([1, 2], "Numbers.")
