"""Figures as functions: tensors and an Axes in, the Axes out.

Rows are queries, columns are keys, always; weights are drawn on a scale from 0 to 1, always.
"""

from course_lib.plots.curves import named_curves, runs_over, training_waits
from course_lib.plots.heatmaps import attention_map, head_grid, mask_picture, score_map
from course_lib.plots.palette import (
    BLACK,
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SIGNED,
    SKY,
    STYLES,
    WEIGHTS,
    YELLOW,
)
from course_lib.plots.plane import draw_arrow, query_among_keys
from course_lib.plots.tokens import language_dots, token_rows
from course_lib.plots.transformer import PARTS, transformer_map

__all__ = [
    "BLACK",
    "BLUE",
    "CYCLE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PARTS",
    "PURPLE",
    "RED",
    "SIGNED",
    "SKY",
    "STYLES",
    "WEIGHTS",
    "YELLOW",
    "attention_map",
    "draw_arrow",
    "head_grid",
    "language_dots",
    "mask_picture",
    "named_curves",
    "query_among_keys",
    "runs_over",
    "score_map",
    "token_rows",
    "training_waits",
    "transformer_map",
]
