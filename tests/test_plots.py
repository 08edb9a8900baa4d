"""What figures say, not their pixels: labels, limits, shapes, what is hidden and what is lit."""

import itertools
import math

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.path import Path

from course_lib.plots import (
    PARTS,
    attention_map,
    head_grid,
    language_dots,
    mask_picture,
    named_curves,
    query_among_keys,
    runs_over,
    score_map,
    token_rows,
    training_waits,
    transformer_map,
)
from course_lib.plots.palette import BLACK, BLUE, ORANGE
from course_lib.plots.transformer import LOOK

matplotlib.use("Agg")
QUERY, KEY = ["a", "b"], ["x", "y", "z"]
WEIGHTS = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
MASK = torch.tensor([[True, True, False], [True, True, True]])


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def hatched(ax):
    return {(int(p.get_y()), int(p.get_x())) for p in ax.patches if p.get_hatch()}


def test_rows_are_queries_and_columns_keys():
    ax = attention_map(WEIGHTS, QUERY, KEY, title="A finding")
    assert labels(ax.yaxis) == QUERY and labels(ax.xaxis) == KEY
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query (looks)", "key (is looked at)")
    assert ax.get_title() == "A finding"
    assert ax.yaxis_inverted()  # the first query is on top
    drawn = np.asarray(ax.collections[0].get_array()).reshape(2, 3)
    np.testing.assert_allclose(drawn, WEIGHTS)


@pytest.mark.parametrize("factor", [1.0, 0.01])
def test_weights_are_always_drawn_on_the_scale_from_0_to_1(factor):
    ax = attention_map((WEIGHTS * factor).requires_grad_(), QUERY, KEY)
    assert ax.collections[0].get_clim() == (0, 1)
    assert ax.collections[0].get_cmap().name == "cividis"


def test_what_is_hidden_is_hatched():
    assert hatched(attention_map(WEIGHTS, QUERY, KEY, mask=MASK)) == {(0, 2)}
    assert hatched(attention_map(WEIGHTS, QUERY, KEY)) == set()
    assert hatched(mask_picture(MASK)) == {(0, 2)}


def test_scores_are_symmetric_about_zero_and_infinite_ones_hatched():
    ax = score_map(torch.tensor([[1.0, -4.0, float("-inf")], [0, 2, 3]]), QUERY, KEY)
    assert ax.collections[0].get_clim() == (-4, 4)
    assert hatched(ax) == {(0, 2)}


def test_numbers_are_written_when_asked_and_never_minus_zero():
    ax = score_map(torch.tensor([[-0.01, 2.0, 1.0], [0, 1, 2]]), QUERY, KEY, values=True)
    written = [text.get_text() for text in ax.texts]
    assert written == ["0.0", "2.0", "1.0", "0.0", "1.0", "2.0"]


def test_a_given_axes_is_used_and_gets_no_colour_bar():
    fig, ax = plt.subplots()
    assert attention_map(WEIGHTS, QUERY, KEY, ax=ax) is ax
    assert fig.axes == [ax]


def test_a_figure_of_its_own_gets_a_colour_bar():
    assert len(attention_map(WEIGHTS, QUERY, KEY).figure.axes) == 2


def test_masks_number_their_positions_when_there_are_no_words():
    ax = mask_picture(MASK)
    assert labels(ax.yaxis) == ["0", "1"] and labels(ax.xaxis) == ["0", "1", "2"]


def test_a_grid_has_one_map_a_head_and_words_only_at_its_edge():
    weights = torch.full((6, 3, 3), 1 / 3)
    axes = head_grid(weights, KEY)
    assert axes.shape == (2, 4)
    assert [ax.get_title() for ax in axes.flat[:6]] == [f"head {h}" for h in range(6)]
    assert [ax.axison for ax in axes.flat] == [True] * 6 + [False] * 2
    shown = [bool(ax.yaxis.get_tick_params()["labelleft"]) for ax in axes.flat[:6]]
    assert shown == [True, False, False, False, True, False]
    assert all(ax.collections[0].get_clim() == (0, 1) for ax in axes.flat[:6])


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: attention_map(WEIGHTS, KEY), r"\(2, 3\) for 3 query tokens and 3 key tokens"),
        (lambda: attention_map(WEIGHTS[0], QUERY, KEY), r"weights of shape \(3,\)"),
        (lambda: attention_map(WEIGHTS, QUERY, KEY, mask=MASK.T), r"bool \(2, 3\), got bool \(3,"),
        (lambda: attention_map(WEIGHTS, QUERY, KEY, mask=WEIGHTS), "got float32"),
        (lambda: score_map(WEIGHTS.T, QUERY, KEY), r"scores of shape \(3, 2\)"),
        (lambda: mask_picture(MASK, KEY), r"mask of shape \(2, 3\) for 3 query"),
        (lambda: mask_picture(WEIGHTS), "got dtype float32"),
        (lambda: mask_picture(MASK[None]), r"got shape \(1, 2, 3\)"),
        (lambda: head_grid(WEIGHTS, KEY), r"\(heads, query, key\), got shape \(2, 3\)"),
        (lambda: head_grid(torch.ones(2, 3, 3), KEY, titles=["one"]), "1 titles for 2 heads"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_their_numbers(draw, said):
    with pytest.raises(ValueError, match=said):
        draw()


def states(ax):
    boxes = [p for p in ax.patches if p.get_gid() in LOOK]
    return {state: [b.get_label() for b in boxes if b.get_gid() == state] for state in LOOK}


def test_the_map_lights_where_you_are_and_fills_what_is_built():
    found = states(transformer_map("masks", ["softmax", "scores"]))
    assert found["here"] == ["masks"]
    assert sorted(found["built"]) == ["scores", "softmax"]
    assert set(found["open"]) == set(PARTS) - {"masks", "scores", "softmax"}


def test_a_part_that_stands_in_both_stacks_is_lit_in_both():
    assert states(transformer_map("feed-forward"))["here"] == ["feed-forward"] * 2
    assert states(transformer_map(None))["here"] == []


def test_names_may_be_written_without_spaces_and_several_lit():
    found = states(transformer_map(["linear+softmax", "Masks"]))
    assert found["here"] == ["masks", "linear + softmax"]


def test_lit_and_filled_are_told_apart_without_colour():
    signs = {sign for *_, sign in LOOK.values()}
    assert len(signs) == 3
    widths = [width for _, _, width, _ in LOOK.values()]
    assert widths[0] > 2 * widths[1]


def test_a_part_that_both_towers_have_can_be_lit_in_one():
    one, other = (
        states(transformer_map("feed-forward", "feed-forward", tower=t))
        for t in ("encoder", "decoder")
    )
    for found in (one, other):
        assert found["here"] == ["feed-forward"] and "feed-forward" in found["built"]
    assert states(transformer_map("scores", tower="encoder"))["here"] == []
    with pytest.raises(ValueError, match="tower is 'encoder' or 'decoder', got 'left'"):
        transformer_map("feed-forward", tower="left")


def test_an_unknown_part_is_refused_with_the_list_of_parts():
    with pytest.raises(ValueError, match=r"no such part: \['attention'\].*'masks'"):
        transformer_map("scores", ["attention"])


def test_no_room_of_tensors_imports_a_plotting_library():
    import subprocess
    import sys

    code = (
        "import sys, course_lib.nn.multi_head, course_lib.views, course_lib.device, "
        "course_lib.claims; sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


AXES = {"xlabel": "words", "ylabel": "share", "title": "T"}


def test_runs_show_their_median_and_their_spread():
    styles = {"a": {"color": "red", "linestyle": "--"}, "b": {}}
    runs = {"a": torch.tensor([[1.0, 5.0], [2.0, 9.0], [6.0, 7.0]]), "b": [3, 4]}
    ax = runs_over((10, 20), runs, styles=styles, **AXES)
    a, b = ax.lines
    assert list(a.get_xdata()) == [10, 20] and list(a.get_ydata()) == [2, 7]
    assert a.get_linestyle() == "--" and list(b.get_ydata()) == [3, 4]
    band = ax.collections[0].get_paths()[0].vertices
    assert {tuple(corner) for corner in band} >= {(10, 1), (10, 6), (20, 5), (20, 9)}
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("words", "share", "T")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_runs_over_another_number_of_places_are_refused():
    with pytest.raises(ValueError, match="a: 3 numbers for 2 places"):
        runs_over((10, 20), {"a": [1, 2, 3]}, styles={"a": {}}, **AXES)


def test_named_curves_draw_each_run_and_a_lone_point_as_a_star():
    curves = {"a": ((1, 2), [[1, 2], [3, 4]]), "b": ([2], [5])}
    ax = named_curves(curves, log=((1, 2), (1, 5)), **AXES)
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 2], [3, 4], [5]]
    assert [line.get_marker() for line in ax.lines] == ["o", "o", "*"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("words", "share", "T")
    assert ax.get_xscale() == ax.get_yscale() == "log" and labels(ax.yaxis) == ["1", "5"]
    assert named_curves(curves, **AXES).get_xscale() == "linear"


def test_named_curves_of_another_number_of_places_are_refused():
    with pytest.raises(ValueError, match="a: 3 numbers for 2 places"):
        named_curves({"a": ((1, 2), [1, 2, 3])}, **AXES)


def test_waits_show_medians_seeds_and_what_was_not_done():
    runs = {"a": [[30, 10, 20], [400, 400, 90]]}
    ax = training_waits(runs, (0.1, 1.0), most=400, styles={"a": {"color": "red"}}, title="SGD")
    line, *seeds, limit = ax.lines
    assert line.get_label() == "a" and list(line.get_ydata()) == [20, 400]
    assert sorted(y for dots in seeds for y in dots.get_ydata()) == [10, 20, 30, 90, 400, 400]
    assert limit.get_ydata()[0] == 400 and ax.get_title() == "SGD"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.1", "1"]
    assert ax.get_yticklabels()[-1].get_text() == "not in 400"
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_waits_of_another_number_of_rates_are_refused():
    with pytest.raises(ValueError, match="a has steps for 1 rates, there are 2"):
        training_waits({"a": [[1, 2]]}, (0.1, 1.0), most=9, styles={"a": {"color": "red"}})


def test_keys_of_the_plane_tell_their_weight():
    keys, weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.9, 0.1])
    ax = query_among_keys(torch.tensor([2.0, 1.0]), keys, weights, ["right", "up"], title="ask")
    said = [text.get_text() for text in ax.texts]
    assert [text for text in said if text] == ["right 0.90", "up 0.10", "query"]
    drawn = [text.get_color() for text in ax.texts if text.get_text()]
    assert drawn == [BLUE, ORANGE, BLACK]
    right, up, _ = [t.arrow_patch.get_linewidth() for t in ax.texts if t.arrow_patch]
    assert right > up and ax.get_xlim()[1] > 2 and ax.get_title() == "ask"


def test_a_longer_query_is_longer_in_a_plane_that_stays():
    keys, weights = torch.eye(2), torch.tensor([0.9, 0.1])
    for length in (0.0, 1.0, 4.0):
        query = torch.tensor([length, 0.0])
        ax = query_among_keys(query, keys, weights, ["right", "up"], reach=5)
        assert ax.get_xlim() == ax.get_ylim() == (-5, 5)


def test_names_in_the_plane_lie_on_no_other_on_no_arrow_and_not_over_its_edge():
    """The control of chapter 02: the query is turned onto each key, and made as long as it."""
    keys, names = (
        torch.tensor([[2.0, 0.4], [-0.6, 2.0], [-1.6, -1.4]]),
        ["animal", "street", "tired"],
    )
    ax = plt.subplots(figsize=(4, 4), layout="constrained")[1]
    angles, lengths = [*range(0, 360, 30), 10, 105, 225], (0.5, 1.5, 2.25, 4)
    for degrees, length in itertools.product(angles, lengths):
        turned = math.radians(degrees)
        query = length * torch.tensor([math.cos(turned), math.sin(turned)])
        ax.clear()
        weights = (keys @ query).softmax(dim=-1)
        query_among_keys(query, keys, weights, names, ax=ax, title="Keys", reach=5)
        ax.figure.draw_without_rendering()
        texts = [text for text in ax.texts if text.get_text()]
        boxes = [text.get_window_extent() for text in texts]
        assert len(boxes) == 4
        crossed = [one for one in itertools.combinations(boxes, 2) if one[0].overlaps(one[1])]
        assert crossed == [], f"at {degrees} degrees, length {length}"
        shafts = [Path(ax.transData.transform([(0, 0), text.xy])) for text in texts]
        for box in boxes:
            assert ax.bbox.padded(2).count_contains([box.min, box.max]) == 2
            assert not any(shaft.intersects_bbox(box, filled=False) for shaft in shafts)


def test_keys_that_point_the_same_way_have_names_apart():
    keys = torch.tensor([[2.0, 1.0], [2.1, 1.0], [2.0, 1.1], [2.1, 1.1], [2.2, 1.2]])
    names = ["one", "two", "three", "four", "five"]
    ax = query_among_keys(torch.tensor([2.0, 1.0]), keys, torch.full((5,), 0.2), names, reach=5)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_keys_that_do_not_fit_the_plane_are_refused():
    with pytest.raises(ValueError, match=r"2 keys .* got query \(3,\)"):
        query_among_keys(torch.zeros(3), torch.zeros(2, 2), torch.zeros(2), ["a", "b"])


def test_a_text_in_tokens_has_a_box_for_each_and_their_count():
    ax = token_rows({"bytes": [*"it is"], "words": ["it", " is"]}, title="cut")
    assert len(ax.patches) == 7 and labels(ax.yaxis) == ["bytes", "words"]
    assert [text.get_text() for text in ax.texts if text.get_text() in "52"] == ["5", "2"]
    widths = [round(box.get_width(), 2) for box in ax.patches[-2:]]
    assert widths == [1.76, 2.76] and ax.get_title() == "cut"


def test_rows_of_two_texts_are_refused():
    with pytest.raises(ValueError, match="the same text, got 2 texts"):
        token_rows({"a": ["it"], "b": ["is"]})


def test_each_language_has_a_dot_for_each_name_on_a_scale_of_doublings():
    series = {"theirs": {"en": 1.0, "my": 22.0}, "ours": {"my": 1.1, "en": 1.0}}
    ax = language_dots(series, xlabel="times", title="cost")
    assert [list(line.get_xdata()) for line in ax.lines[:2]] == [[1.0, 22.0], [1.0, 1.1]]
    assert labels(ax.yaxis) == ["en", "my"] and ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["theirs", "ours"]
