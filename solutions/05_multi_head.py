# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Multi-head attention: exercises
#
# Eight exercises. The first four build the layer: split, a test for it, merge, and the whole, which
# is the large one. Then you count what it costs, score a head, remove one and mend a picture. When
# the fourth of them is right, your code runs a real model: there is a cell for that.
#
# Shapes are written `(batch, heads, seq, d_head)`: which sentence, which head, which word, which
# number.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.attention import scaled_dot_product_attention

# %% [markdown]
# ## 05.split-heads · Cut the width into heads
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# Every word has `d_model` numbers. Give each head its own slice of them.
#
# - `x` is `(batch, seq, d_model)`. Return `(batch, num_heads, seq, d_head)`, where `d_head =
#   d_model / num_heads`.
# - Head 0 gets the *first* `d_head` numbers of every word, head 1 the next `d_head`, and so on.
# - When `num_heads` does not divide `d_model`, raise a `ValueError`. (Say both numbers in it: nobody
#   checks your words, and whoever meets them will be glad.)
# - Values and gradients are both checked, here and in the exercises that merge.
#
# The trap: one `view` straight to the right shape runs without complaint. Follow one word through
# it.


# %% tags=["05.split-heads"]
def split_heads(x, num_heads):
    """(batch, seq, d_model) -> (batch, heads, seq, d_head)."""
    # BEGIN SOLUTION
    batch, seq, d_model = x.shape
    if d_model % num_heads:
        raise ValueError(f"num_heads must divide d_model, got {num_heads=}, {d_model=}")
    return x.view(batch, seq, num_heads, -1).transpose(1, 2)
    # END SOLUTION


# %% tags=["check"]
check("05.split-heads", split_heads)

# %% [markdown]
# ## 05.split-test · A test that a wrong split does not pass
#
# *Difficulty 2 of 3 · 10 minutes · 1 point*
#
# A colleague hands you a split of her own. You see what went in and what came out. Is it right?
#
# - `x` is `(batch, seq, d_model)`, `heads` is what her function returned.
# - Return `True` when every head holds its own slice of every word, as in `05.split-heads`,
#   otherwise `False`.
# - Also `False`, and no crash, when the shape is not even `(batch, heads, seq, d_head)`. The number
#   of heads is `heads.shape[1]`.
#
# What will be tried: the right numbers in the wrong place, in several ways, and a number that is
# slightly another. A test that looks at the shape, at a sum, or at one word only will let some of
# them through.


# %% tags=["05.split-test"]
def is_good_split(x, heads):
    """Does `heads` (batch, heads, seq, d_head) hold x (batch, seq, d_model), split rightly?"""
    # BEGIN SOLUTION
    if heads.dim() != 4:
        return False
    merged = heads.transpose(1, 2).flatten(-2)
    return torch.equal(merged, x)  # False for another shape, too
    # END SOLUTION


# %% tags=["check"]
check("05.split-test", is_good_split)

# %% [markdown]
# ## 05.merge-heads · Lay the heads side by side again
#
# *Difficulty 1 of 3 · 5 minutes · 1 point*
#
# The way back. After it, head 0's numbers are the first in every word again.
#
# - `heads` is `(batch, heads, seq, d_head)`. Return `(batch, seq, heads · d_head)`.
# - `merge_heads(split_heads(x, h))` must be `x`, to the last digit.
#
# The trap: PyTorch may answer a `view` with an error about strides. The error is right. Leaving out
# the transpose makes it go away, and breaks the layer.


# %% tags=["05.merge-heads"]
def merge_heads(heads):
    """(batch, heads, seq, d_head) -> (batch, seq, d_model)."""
    # BEGIN SOLUTION
    return heads.transpose(1, 2).flatten(-2)
    # END SOLUTION


# %% tags=["check"]
check("05.merge-heads", merge_heads)

# %% [markdown]
# ## 05.multi-head · Build it: the whole layer
#
# *Difficulty 3 of 3 · 35 minutes · 4 points*
#
# A class of your own, from `__init__` to the output. Use your `split_heads` and `merge_heads` from
# above, and `scaled_dot_product_attention` from chapters 02 and 04, which takes `(query, key,
# value, mask)` with any number of axes in front and returns `(output, weights)`.
#
# `MultiHeadAttention(d_model, num_heads, d_head=None, dropout=0.0, bias=True)` makes four layers
# under these names, and no other parameters, since the check loads weights by name:
#
# | part | is |
# |---|---|
# | `to_q`, `to_k`, `to_v` | `nn.Linear` from `d_model` to `num_heads · d_head` numbers |
# | `to_out` | `nn.Linear` from `num_heads · d_head` numbers back to `d_model` |
#
# All four have a bias, or none if `bias` is `False`. Where no `d_head` is given, it is
# `d_model / num_heads`, which is then a whole number.
#
# In `forward(query, key=None, value=None, mask=None, *, return_weights=False)`:
#
# - `query` is `(batch, query, d_model)`. `key` and `value` are `(batch, key, d_model)`; without
#   `key` the words look at themselves, and without `value` what is looked at is also what is
#   collected.
# - `mask` broadcasts to `(batch, heads, query, key)`, `True` = may look. It may be `None`.
# - **Dropout**: in training mode each weight is set to 0 with probability `dropout`, from 0 to 1, and the
#   others are divided by `1 - dropout`, before the values are mixed. Outside of training nothing is
#   dropped. `F.dropout` does it, or `nn.Dropout`.
# - Return the output, `(batch, query, d_model)`. With `return_weights=True` return two things: the
#   output and the weights of *all* heads, `(batch, heads, query, key)`, as they were before dropout.
#
# The traps: each of the three inputs has its own projection, the heads together need not be
# `d_model` wide, and the layer isn't over after the merge.


# %% tags=["05.multi-head"]
class MultiHeadAttention(nn.Module):
    """Several heads look at once, each in its own slice of the width."""

    # BEGIN SOLUTION
    def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True):
        super().__init__()
        d_head = d_model // num_heads if d_head is None else d_head
        width = num_heads * d_head
        self.num_heads, self.dropout = num_heads, dropout
        self.to_q = nn.Linear(d_model, width, bias=bias)
        self.to_k = nn.Linear(d_model, width, bias=bias)
        self.to_v = nn.Linear(d_model, width, bias=bias)
        self.to_out = nn.Linear(width, d_model, bias=bias)

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        """Return the output (batch, query, d_model), or the output and all heads' weights."""
        key = query if key is None else key
        value = key if value is None else value
        q = split_heads(self.to_q(query), self.num_heads)
        k = split_heads(self.to_k(key), self.num_heads)
        v = split_heads(self.to_v(value), self.num_heads)
        _, weights = scaled_dot_product_attention(q, k, v, mask)
        left = F.dropout(weights, self.dropout, training=self.training)
        output = self.to_out(merge_heads(left @ v))
        return (output, weights) if return_weights else output

    # END SOLUTION
    # BEGIN STUB
    # def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True):
    #     super().__init__()
    #     raise NotImplementedError("your turn")
    #
    # def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
    #     """Return the output (batch, query, d_model), or the output and all heads' weights."""
    #     raise NotImplementedError("your turn")
    # END STUB


# %% tags=["check"]
check("05.multi-head", MultiHeadAttention)

# %% [markdown]
# **Your layer in a real model.** The next cell builds MiniLM with *your* class in all six layers
# and loads its trained weights. Head 1 of layer 3 should send "it" to "animal".

# %% tags=["demo"]
from course_lib.plots import attention_map
from course_lib.pretrained.minilm import encode, load_minilm

try:
    model, tokenizer = load_minilm(attention=MultiHeadAttention)
    ids, tokens = encode(tokenizer, "The animal didn't cross the street because it was too tired")
    with torch.no_grad():
        _, layers = model(ids, return_weights=True)
    share = layers[3][0, 1, tokens.index("it"), tokens.index("animal")]
    print(f'layer 3, head 1: "it" looks at "animal" with weight {share:.2f}')
    attention_map(layers[3][0, 1], tokens, title="Your layer inside MiniLM: layer 3, head 1")
except (NotImplementedError, NameError):
    print("First write and run split_heads, merge_heads and MultiHeadAttention.")

# %% [markdown]
# ## 05.counts · What a layer costs
#
# *Difficulty 2 of 3 · 10 minutes · 1 point*
#
# Self-attention on one sentence of `n` words: how much is there to store, to multiply, to remember?
# The number of layers is {{layers}}; if there are several, they come one after the other, and each
# has weights of its own. Don't run anything: count. Return three whole numbers, each for all layers
# together.
#
# 1. The **parameters** of layers such as `MultiHeadAttention` above, biases included.
# 2. The **multiplications** in its matrix products: a product of `(a, b)` and `(b, c)` takes $a b
#    c$ of them. Count the projections, the scores and the mixing of the values; not biases, scaling
#    or softmax.
# 3. The **weights**: how many numbers the attention weights of all heads hold.
#
# The trap: one of the three depends on `num_heads`. Which?


# %% tags=["05.counts"]
def multi_head_counts(d_model, num_heads, n):
    """(parameters, multiplications, weights) of self-attention over n words; layers: {{layers}}."""
    # BEGIN SOLUTION
    layers = 1
    parameters = 4 * (d_model * d_model + d_model)
    multiplications = 4 * n * d_model * d_model + 2 * n * n * d_model
    return layers * parameters, layers * multiplications, layers * num_heads * n * n
    # END SOLUTION


# %% tags=["check"]
check("05.counts", multi_head_counts)

# %% [markdown]
# ## 05.previous-token · Does this head look a fixed way back?
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Score every head of a layer: how much of its weight goes to one position before the one that
# looks? Yours is the one {{back}} back (1 back is the word just before).
#
# - `weights` is `(batch, heads, query, key)`, for self-attention: as many keys as queries.
# - `real` is `(batch, seq)` and bool: `False` where a position is padding. Padding may stand on
#   either side.
# - Return `(heads,)`: the average weight on the position {{back}} back. Average over all positions
#   of all sentences at once, so that a long sentence counts for more than a short one. A position
#   counts when it is real, has a position {{back}} back, and that one is real too.
#
# The trap: the first word has no word before it. It must not lower the average.


# %% tags=["05.previous-token"]
def previous_token_score(weights, real):
    """(batch, heads, seq, seq), (batch, seq) -> (heads,): average weight {{back}} back."""
    # BEGIN SOLUTION
    back = 1
    before = weights.diagonal(offset=-back, dim1=-2, dim2=-1)  # (batch, heads, seq - back)
    counts = real[:, back:] & real[:, :-back]  # (batch, seq - back)
    return (before * counts[:, None]).sum(dim=(0, 2)) / counts.sum()
    # END SOLUTION


# %% tags=["check"]
check("05.previous-token", previous_token_score)

# %% [markdown]
# ## 05.ablate · Merge without some heads
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# To learn what a head is good for, remove it and see what changes. The output projection expects
# the full width, so "remove" means: silence.
#
# - `heads` is `(batch, heads, seq, d_head)`; `removed` is a list of head numbers, perhaps empty.
# - Return the merged `(batch, seq, d_model)`, where the removed heads contribute zeros.
# - Leave `heads` itself as it was: somebody may still need it.


# %% tags=["05.ablate"]
def merge_without(heads, removed):
    """(batch, heads, seq, d_head) -> (batch, seq, d_model), the removed heads silent."""
    # BEGIN SOLUTION
    loud = heads.new_ones(heads.shape[1])
    loud[removed] = 0
    return merge_heads(heads * loud[:, None, None])
    # END SOLUTION


# %% tags=["check"]
check("05.ablate", merge_without)

# %% [markdown]
# ## 05.dropout-bug · The weights in the picture don't sum to 1
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# The function below mixes the values with **dropout**: during training some weights, drawn by lot,
# are set to 0, and the others are divided by `1 - p` to make up for it, where `p` is the share that
# is dropped. That part is right and must stay. But it also returns weights for a picture, and
# somebody complains that the rows in it sum to more than 1 here and to less than 1 there. Mend it.
#
# - `query` is `(…, query, d_head)`, `key` is `(…, key, d_head)`, `value` is `(…, key, d_value)`.
# - `keep` is `(…, query, key)` and bool: `True` where a weight survives. It is drawn outside, so
#   that there is nothing random in here.
# - Return the output *with* dropout, and the weights as they were *before* it. Gradients flow back
#   through both.
#
# The trap: a cure that makes the picture right and takes the dropout out of the output.


# %% tags=["05.dropout-bug"]
def attend_with_dropout(query, key, value, keep, p):
    """(output, weights to draw) of attention whose weights survive where `keep` is True."""
    # BEGIN SOLUTION
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    weights = scores.softmax(dim=-1)
    surviving = weights * keep / (1 - p)
    return surviving @ value, weights
    # END SOLUTION
    # BEGIN STUB
    # scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    # weights = scores.softmax(dim=-1)
    # weights = weights * keep / (1 - p)
    # return weights @ value, weights
    # END STUB


# %% tags=["check"]
check("05.dropout-bug", attend_with_dropout)
