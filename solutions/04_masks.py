# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Masks: exercises
#
# Eight exercises around chapter 04. Everything you need is on its page (`notebooks/04_masks.ipynb`). In all
# of them a mask is a grid of `True` and `False`, and `True` means *may look*.
#
# Write your answer into the cell, run it, then run the check below it. A check never stops the notebook: it
# says what differs, names the mistake where it knows it, and has three hints.

# %% tags=["setup"]
import math

import torch

from course_lib.check import check

# %% [markdown]
# ## 04.causal-mask · Only the past
#
# Write `causal_mask(n_query, n_key)`. It returns a boolean tensor `(n_query, n_key)`: `True` where the query
# may look.
#
# A query sees itself and everything before it. There is at least one query, never more queries than keys, and
# **the queries are the last `n_query` of the `n_key` positions**, as when a model has read five words and asks
# only for the newest two. The last query therefore sees every key, whatever the two numbers are.
#
# Difficulty 1 of 3, 6 minutes, 2 points. The trap: `tril` of a grid that is not square starts counting in the
# wrong corner.


# %% tags=["04.causal-mask"]
def causal_mask(n_query, n_key):
    """n_query last positions out of n_key -> bool (n_query, n_key), True = may look."""
    # BEGIN SOLUTION
    query_position = torch.arange(n_key - n_query, n_key)[:, None]  # (n_query, 1)
    key_position = torch.arange(n_key)[None, :]  # (1, n_key)
    return key_position <= query_position
    # END SOLUTION


# %% tags=["check"]
check("04.causal-mask", causal_mask)

# %% [markdown]
# ## 04.padding-mask · Not the filler
#
# Write `padding_mask(ids, pad_id)`. `ids` is `(batch, key)`, whole numbers, one row for each sentence. Return
# a boolean tensor `(batch, 1, 1, key)`: `True` where the key is a real token. The two axes of size 1 stand
# for the heads and the queries, because padding is a matter of the key alone.
#
# Padding may stand on the right, on the left, on both sides, or fill the whole row. `pad_id` may be any
# number; where a call doesn't say, it is {{pad_id}}.
#
# Difficulty 1 of 3, 4 minutes, 1 point. The trap: counting the real tokens and hiding what comes after that
# many.


# %% tags=["04.padding-mask"]
def padding_mask(ids, pad_id=3):
    """ids (batch, key) -> bool (batch, 1, 1, key), True = a real token."""
    # BEGIN SOLUTION
    return (ids != pad_id)[:, None, None, :]
    # END SOLUTION


# %% tags=["check"]
check("04.padding-mask", padding_mask)

# %% [markdown]
# ## 04.masked-softmax · Zeros, never `nan`
#
# Write `masked_softmax(scores, mask)`. `scores` is `(batch, query, key)`. `mask` is boolean and broadcasts to
# that shape, for example `(query, key)` or `(batch, 1, key)`. Return weights of the same shape as the scores:
#
# - a hidden key weighs exactly 0, and has no influence on the other weights, however large or small its score
#   is;
# - the visible keys of a row sum to 1;
# - a row that may look nowhere is all zeros, and so is the gradient that it sends back.
#
# Values and gradients are both checked. The visible scores may be large, positive or negative, even minus ten
# billion. The weights have the dtype of the scores, whatever that is. You may call `torch.softmax`.
#
# Difficulty 2 of 3, 12 minutes, 3 points. The trap: an answer with the right values can still send back a
# gradient of `nan`.


# %% tags=["04.masked-softmax"]
def masked_softmax(scores, mask):
    """scores (batch, query, key), mask broadcastable bool -> weights (batch, query, key)."""
    # BEGIN SOLUTION
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights.masked_fill(~mask, 0.0)  # a row that may look nowhere: 0, not nan
    # END SOLUTION


# %% tags=["check"]
check("04.masked-softmax", masked_softmax)

# %% [markdown]
# ## 04.leaky-average-bug · Find the bug
#
# The cell below runs, gives the right shape, and every hidden key weighs exactly 0. It is wrong all the same:
# change a hidden key, and the output changes. Mend it.
#
# `query` is `(batch, query, d_head)`, `key` is `(batch, key, d_head)`, `value` is `(batch, key, d_value)`,
# `mask` is boolean and broadcasts to `(batch, query, key)`. Return the output `(batch, query, d_value)`.
# Every query may look at one key at least. Values and gradients are both checked.
#
# Difficulty 2 of 3, 8 minutes, 2 points. The trap: a repair that divides by what is left works on small
# scores only.


# %% tags=["04.leaky-average-bug"]
def masked_attention(query, key, value, mask):
    """Attention that ignores what the mask hides -> (batch, query, d_value)."""
    # BEGIN SOLUTION
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights @ value
    # END SOLUTION
    # BEGIN STUB
    # scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    # weights = scores.softmax(dim=-1)
    # weights = weights * mask
    # return weights @ value
    # END STUB


# %% tags=["check"]
check("04.leaky-average-bug", masked_attention)

# %% [markdown]
# ## 04.flat-mask-bug · Find the bug that batch size 1 hides
#
# The cell below hides padding, and passes every test that its author wrote: one sentence at a time. With two
# sentences it crashes; with as many sentences as words it runs again, and is wrong. Mend it.
#
# `query`, `key` and `value` are `(batch, seq, d_head)`; `ids` is `(batch, seq)`. Return the output `(batch,
# seq, d_head)`. Padding hides *keys*: a query that stands on a padded position still averages over the real
# tokens. Every sentence has one real token at least. Padded positions may hold large numbers. Values and
# gradients are both checked.
#
# Difficulty 2 of 3, 8 minutes, 2 points. The trap: an axis of size 1 in the wrong place hides rows where
# columns were meant.


# %% tags=["04.flat-mask-bug"]
def attend_to_words(query, key, value, ids, pad_id):
    """Attention that no query spends on padding -> (batch, seq, d_head)."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (batch, query, key)
    # BEGIN SOLUTION
    mask = (ids != pad_id)[:, None, :]  # (batch, 1, key)
    # END SOLUTION
    # BEGIN STUB
    # mask = ids != pad_id
    # END STUB
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1) @ value


# %% tags=["check"]
check("04.flat-mask-bug", attend_to_words)

# %% [markdown]
# ## 04.masked-mean · One vector for a sentence
#
# Write `masked_mean(hidden, mask)`. `hidden` is `(batch, seq, d_model)`, `mask` is `(batch, seq)`, boolean,
# `True` for a real token. Return `(batch, d_model)`: the mean over the real tokens of each sentence.
#
# A sentence without a real token gives zeros. Padded positions may hold anything, even `nan`, and must not be
# felt. Values and gradients are both checked.
#
# Difficulty 2 of 3, 8 minutes, 2 points. The trap: what is 0 times `nan`?


# %% tags=["04.masked-mean"]
def masked_mean(hidden, mask):
    """hidden (batch, seq, d_model), mask (batch, seq) bool -> (batch, d_model)."""
    # BEGIN SOLUTION
    kept = hidden.masked_fill(~mask[:, :, None], 0.0)
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)  # (batch, 1)
    return kept.sum(dim=1) / count
    # END SOLUTION


# %% tags=["check"]
check("04.masked-mean", masked_mean)

# %% [markdown]
# ## 04.no-peeking · Write the test
#
# Somebody hands you two outputs of a model, `before` and `after`, both `(seq, d_model)`. Between the two runs
# only the words **from `position` on** were changed (counted from 0). Write `no_peeking(before, after,
# position)`: `True` if the outputs at all earlier positions stayed what they were, `False` if a single number
# among them moved.
#
# "Stayed" means within `1e-5`, because another order of addition rounds differently. What happens from
# `position` on proves nothing, either way. An earlier output that is `nan` is no proof of anything: return
# `False`. `position` may be 0: then nothing earlier can have moved.
#
# Difficulty 2 of 3, 8 minutes, 2 points. The trap: differences have a sign, and comparisons with `nan` are
# never true.


# %% tags=["04.no-peeking"]
def no_peeking(before, after, position):
    """True if no output before `position` felt the change; one bool."""
    # BEGIN SOLUTION
    difference = (before[:position] - after[:position]).abs()
    return bool((difference < 1e-5).all())
    # END SOLUTION


# %% tags=["check"]
check("04.no-peeking", no_peeking)

# %% [markdown]
# ## 04.visible-pairs · Predict: how much is left to see?
#
# A sentence of `n_tokens` real tokens, at least one, is padded with `n_pads` more, perhaps none. Self-attention
# runs over all of them with a causal *and* a padding mask. Write `visible_pairs(n_tokens, n_pads, side)`, where `side` is `"left"` or
# `"right"` and says where the padding stands. Return two whole numbers: how many (query, key) pairs are
# `True` in the combined mask, and how many queries may look nowhere. Padded positions ask, too.
#
# Work it out on paper for three tokens and two pads, then write the formula. No tensor is needed.
#
# Difficulty 2 of 3, 8 minutes, 1 point. The trap: the two sides differ in both numbers.


# %% tags=["04.visible-pairs"]
def visible_pairs(n_tokens, n_pads, side):
    """(pairs that may look, queries that may look nowhere), two whole numbers."""
    # BEGIN SOLUTION
    triangle = n_tokens * (n_tokens + 1) // 2
    if side == "left":
        return triangle, n_pads
    return triangle + n_pads * n_tokens, 0
    # END SOLUTION


# %% tags=["check"]
check("04.visible-pairs", visible_pairs)
