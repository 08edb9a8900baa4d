"""Views: what a notebook shows that is more than text, and what is left where less is allowed.

Every view has three forms, each telling the same: text (terminals, comparison of notebooks), HTML
whose inline styles survive a sanitiser (a notebook not yet trusted), and, where scripts run, a
picture that answers mouse, touch and keyboard. None asks the network for anything.
"""

from course_lib.views.arrows import Arrows, two_arrows
from course_lib.views.beam_tree import BeamTree, beam_tree
from course_lib.views.clocks import Clocks, position_clocks
from course_lib.views.diagram import DIAGRAM_PARTS, TransformerDiagram, transformer_diagram
from course_lib.views.figure import Figure, show
from course_lib.views.hover import AttentionHover, attention_hover
from course_lib.views.merges import Merges, merge_steps
from course_lib.views.panel import Panel, panel
from course_lib.views.patches import Patches, patch_hover
from course_lib.views.predict import Outcome, Prediction, outcome, predict
from course_lib.views.quiz import Quiz, quiz, quiz_from
from course_lib.views.spans import Spans, span_corruption
from course_lib.views.strips import Strips, token_strips

__all__ = [
    "DIAGRAM_PARTS",
    "Arrows",
    "AttentionHover",
    "BeamTree",
    "Clocks",
    "Figure",
    "Merges",
    "Outcome",
    "Panel",
    "Patches",
    "Prediction",
    "Quiz",
    "Spans",
    "Strips",
    "TransformerDiagram",
    "attention_hover",
    "beam_tree",
    "merge_steps",
    "outcome",
    "panel",
    "patch_hover",
    "position_clocks",
    "predict",
    "quiz",
    "quiz_from",
    "show",
    "span_corruption",
    "token_strips",
    "transformer_diagram",
    "two_arrows",
]
