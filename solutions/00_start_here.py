# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here: exercises
#
# Four short ones. Write in the cell below each text, run it with Shift + Enter, then run the check under it. A check never breaks
# anything; run it as often as you like.

# %% tags=["setup"]
import torch

from course_lib.check import check

# %% [markdown]
# ## 00.scores · Compare one vector with many
#
# *Difficulty 1 of 3 · 5 minutes · 1 point*
#
# Section 0.3 compared "it" with other words, one by one. Now with all of them in one go.
#
# - `query` is `(feature,)`: one vector.
# - `keys` is `(key, feature)`: one row for each vector to compare with.
# - Return the dot product of `query` with each row, `(key,)`.


# %% tags=["00.scores"]
def scores(query, keys):
    """(feature,), (key, feature) -> (key,): the dot product with each row."""
    # BEGIN SOLUTION
    return keys @ query
    # END SOLUTION


# %% tags=["check"]
check("00.scores", scores)

# %% [markdown]
# ## 00.dot-shape · Say the shape first
#
# *Difficulty 1 of 3 · 5 minutes · 1 point*
#
# You get the shapes of `a` and `b` as tuples, not the tensors. Say the shape of `a @ b`, as a tuple.
#
# - Both have two or more axes, and the same ones in front: `(5, 2, 3)` and `(5, 3, 7)`, say.
# - When the product does not exist, because the axes that should meet differ, return `None`.
# - You need no tensor for this. Look at section 0.3 instead: which axis vanishes?


# %% tags=["00.dot-shape"]
def dot_shape(a, b):
    """Shapes as tuples: of a, of b -> of a @ b, or None when there is no product."""
    # BEGIN SOLUTION
    return (*a[:-1], b[-1]) if a[-1] == b[-2] else None
    # END SOLUTION


# %% tags=["check"]
check("00.dot-shape", dot_shape)

# %% [markdown]
# ## 00.safe-softmax · A softmax that survives
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# - `x` has any number of axes; the shares run along the last one.
# - Scores may be large: ±10,000 and more in `float32`, and in `float16` whatever it can hold (±65,000). No share may become `nan`,
#   nor be off by more than its dtype has to round.
# - Keep the dtype of `x` (its kind of number, section 0.5), also when it is another, such as `float64` or `bfloat16`. Leave `x` itself
#   as it was.
# - Write it yourself, with `exp`, `sum` and what section 0.6 told you. `torch.softmax` would pass, and you would have learned nothing.
# - `sum`, `mean`, `amin` and `amax` (the smallest and the largest) all take `dim` and `keepdim`. (Plain `max` with a `dim` returns two
#   things, the largest numbers and their places.)
#
# The trap: what is safe for one row must be safe for each row on its own.


# %% tags=["00.safe-softmax"]
def safe_softmax(x):
    """Shares along the last axis, without overflow; same shape and dtype as x."""
    # BEGIN SOLUTION
    powers = (x - x.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True)
    # END SOLUTION


# %% tags=["check"]
check("00.safe-softmax", safe_softmax)

# %% [markdown]
# ## 00.is-distribution · Tell shares from look-alikes
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# Now you write the test. Somebody hands you `weights`, `(query, key)`, and says: these are attention weights. Return one
# `True` or `False` for the whole table: `True` when every row keeps three promises.
#
# - Every value is a number, not `nan`.
# - No value is below 0.
# - The row sums to 1, give or take {{tolerance}} (computers round).
#
# The trap: the table as a whole can look fine while one row is not.


# %% tags=["00.is-distribution"]
def is_distribution(weights):
    """(query, key) -> True when every row holds shares that sum to 1, give or take {{tolerance}}."""
    # BEGIN SOLUTION
    tolerance = 0.001
    sums = weights.sum(dim=-1)
    return bool((weights >= 0).all() and ((sums - 1).abs() < tolerance).all())
    # END SOLUTION


# %% tags=["check"]
check("00.is-distribution", is_distribution)
