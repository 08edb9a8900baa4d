"""Losses, schedules, the loop and its checkpoints: what makes any model learn.

It imports no model: a loss is any function of a batch that gives one number. Each name is imported
from here, or from its own file.
"""

from course_lib.nn import lazily

PLACES = {  # a file: what may be imported from here
    "checkpoints": "save_checkpoint load_checkpoint",
    "evaluation": "evaluate",
    "loop": "Record train count_ids",
    "losses": "cross_entropy",
    "both": "Both",
    "muon": "Muon orthogonalized",
    "bars": "progress",
    "ranks": "mean_over_ranks on_every_rank share_of",
    "schedules": "noam cosine warmup_stable_decay",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
