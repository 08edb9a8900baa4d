"""Text from scores: picking the next token, the loop around it, searching with beams.

A model is anything that gives each token of ids (batch, seq) the scores of the one after it:
`from course_lib.generation import generate, sample`.
"""

from course_lib.nn import lazily

PLACES = {  # a file: what may be imported from here
    "beam": "beam_search beam_steps",
    "candidates": "Beams power_penalty wu_penalty",
    "loop": "generate stream",
    "picking": "greedy keep_min_p keep_top_k keep_top_p penalize_repeats probabilities sample",
    "rows": "pad_left",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
