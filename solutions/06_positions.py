# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Positions: exercises
#
# Seven exercises. You write the four ways to tell a model where its words stand that are not simply
# a learned table: waves, turning pairs, a penalty for distance, buckets. One test tells a method
# that knows distances from one that only pretends. And one bug moves every word of a sentence
# because of filler in front of it.
#
# A *place* is the number of a position, counted from 0. Shapes are written `(batch, heads, seq,
# d_head)`.

# %% tags=["setup"]
import math

import torch

from course_lib.check import check
from course_lib.nn.multi_head import MultiHeadAttention

# %% [markdown]
# ## 06.sinusoidal · Write a place as waves
#
# *Difficulty 1 of 3 · 15 minutes · 2 points*
#
# The table of the paper of 2017: one row for each place $p$, two columns for each wave $i$.
#
# $$\text{table}[p, 2i] = \sin\left(p \,/\, \text{base}^{\,2i/d_{model}}\right) \qquad
# \text{table}[p, 2i+1] = \cos\left(p \,/\, \text{base}^{\,2i/d_{model}}\right)$$
#
# - Return `(max_len, d_model)`, float32. The first place is 0.
# - Sines stand in the even columns and cosines in the odd ones, as in the formula. (Some libraries
#   put all sines first; here the order counts.)
# - When `d_model` is odd, raise a `ValueError`: a sine would be left without its cosine.
#
# The trap: the sine and the cosine of a pair share *one* frequency.


# %% tags=["06.sinusoidal"]
def sinusoidal_positions(max_len, d_model, base=10_000.0):
    """The table (max_len, d_model) of sines (even columns) and cosines (odd columns)."""
    # BEGIN SOLUTION
    if d_model % 2:
        raise ValueError(
            f"a sine and a cosine share each wave: need an even d_model, got {d_model}"
        )
    speeds = base ** (-torch.arange(0, d_model, 2) / d_model)  # (d_model / 2,)
    angles = torch.arange(max_len)[:, None] * speeds  # (max_len, d_model / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    # END SOLUTION


# %% tags=["check"]
check("06.sinusoidal", sinusoidal_positions)

# %% [markdown]
# ## 06.rotate · Turn queries and keys by their place
#
# *Difficulty 3 of 3 · 25 minutes · 3 points*
#
# The rotary method, so that it plugs straight into `MultiHeadAttention(position=rotary)`.
#
# - `query` is `(batch, heads, query, d_head)`, `key` is `(batch, kv_heads, key, d_head)`; `d_head`
#   is even. `kv_heads` may be smaller than `heads`, and there may be fewer queries than keys.
# - Keys stand at the places 0, 1, 2, … The queries are the *last* of the keys: the last query
#   stands where the last key stands.
# - **Pairing is by halves**: column $i$ belongs with column $i + d_{head}/2$. Pair $i$ turns by
#   $\text{base}^{-2i/d_{head}}$ radians for each place.
# - Turning a pair $(a, b)$ by an angle $\alpha$ gives $(a \cos\alpha - b \sin\alpha,\; a \sin\alpha
#   + b \cos\alpha)$.
# - Return three things: the turned query, the turned key, and `None` (there is no bias to add to
#   the scores). Don't change the inputs themselves.
#
# The traps: angles laid out for the other pairing run without complaint. And a test in which there
# are as many queries as keys does not notice queries that start at place 0.


# %% tags=["06.rotate"]
def rotary(query, key, base=10_000.0):
    """(query, key) with every pair of columns turned by its place, and None."""
    # BEGIN SOLUTION
    d_head, n_query, n_key = query.shape[-1], query.shape[-2], key.shape[-2]
    speeds = base ** (-torch.arange(0, d_head, 2) / d_head)  # (d_head / 2,)
    angles = torch.arange(n_key)[:, None] * speeds  # (key, d_head / 2)

    def turned(x, angles):
        a, b = x.chunk(2, dim=-1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    return turned(query, angles[n_key - n_query :]), turned(key, angles), None
    # END SOLUTION


# %% tags=["check"]
check("06.rotate", rotary)

# %% [markdown]
# **Your method in a real layer.** It answers the chapter's question: are these two still the same
# sentence?

# %% tags=["demo"]
try:
    torch.manual_seed(0)
    dog, bites, man = torch.randn(3, 24)
    layer = MultiHeadAttention(24, num_heads=3, position=rotary)
    with torch.no_grad():
        one = layer(torch.stack([dog, bites, man])[None])[0]
        other = layer(torch.stack([man, bites, dog])[None])[0].flip(0)
    print(f"the dog who bites and the dog who is bitten differ by {(one - other)[0].norm():.2f}")
except NotImplementedError:
    print("First write rotary.")

# %% [markdown]
# ## 06.relative-test · Does it know distances, or only pretend?
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Somebody hands you a position method. You lay *the same* query vector at each of `n` places and
# *the same* key vector at each of `n` places, and let the method work. `scores[i, j]` is the score
# of the query at place `i` with the key at place `j`.
#
# - Return `True` when the method is **relative**: the score depends on the distance $j - i$ alone,
#   *and* it does depend on it. Otherwise `False`.
# - Distance has a direction: one to the left and one to the right may score differently.
# - Scores that differ by less than 0.001 count as equal; for one distance, that means *any two* of
#   its scores, at 1,000 as well as at 0. `n` is at least 3. Nothing is masked. Scores may come in
#   float64, too.
#
# What will be tried: a method that does nothing; one that is right whenever query and key stand at
# the same place, and only then; places that start again after a while; one wrong cell.


# %% tags=["06.relative-test"]
def is_relative(scores):
    """Do the scores (n, n) of one query with one key depend on their distance, and only on it?"""
    # BEGIN SOLUTION
    diagonals = [scores.diagonal(offset) for offset in range(1 - len(scores), len(scores))]
    same_within = all(bool(d.max() - d.min() < 1e-3) for d in diagonals)
    return same_within and bool(scores.max() - scores.min() >= 1e-3)
    # END SOLUTION


# %% tags=["check"]
check("06.relative-test", is_relative)

# %% [markdown]
# ## 06.full-turns · Which hands have gone all the way round?
#
# *Difficulty 2 of 3 · 10 minutes · 1 point*
#
# A rotary model is trained on texts of `n` places. Between the first place and the last, pair $i$
# turns by $(n - 1) \cdot \text{base}^{-2i/d_{head}}$ radians. A pair that makes at least one full
# turn has shown every angle; the others will meet new angles in a longer text.
#
# Don't turn anything: calculate. Return two whole numbers.
#
# 1. How many of the pairs make at least one full turn in `n` places?
# 2. The smallest `n` with which *every* pair does. Use Python's own numbers (`math`): float32 has
#    too few digits for the second.
#
# The trap: a head of width `d_head` has how many pairs, and which exponent has the last?


# %% tags=["06.full-turns"]
def full_turns(d_head, n, base=10_000.0):
    """(pairs that go all the way round in n places, the smallest n with which all of them do)."""
    # BEGIN SOLUTION
    speeds = [base ** (-2 * i / d_head) for i in range(d_head // 2)]
    turned = sum((n - 1) * speed >= 2 * math.pi for speed in speeds)
    return turned, math.ceil(2 * math.pi / speeds[-1]) + 1
    # END SOLUTION


# %% tags=["check"]
check("06.full-turns", full_turns)

# %% [markdown]
# ## 06.alibi-bias · A penalty for distance
#
# *Difficulty 1 of 3 · 15 minutes · 2 points*
#
# ALiBi adds to the score of query place $i$ and key place $j$ the bias $-\,\text{slope}_h \cdot |j -
# i|$. Each head has its own slope, and nothing is learned:
#
# $$\text{slope}_h = 2^{-8 (h + 1) / \text{num\_heads}}, \qquad h = 0, 1, \dots$$
#
# - Return `(heads, query, key)`, float32. `num_heads` is a power of two.
# - The keys stand at 0, 1, 2, … and the queries are the *last* `n_query` of them.
#
# The trap: `n_query` and `n_key` may differ, and then the query's place is not its row.


# %% tags=["06.alibi-bias"]
def alibi_bias(n_query, n_key, num_heads):
    """The bias (heads, query, key) that lowers the score of far keys."""
    # BEGIN SOLUTION
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)  # (heads,)
    places = torch.arange(n_key)
    distance = (places[None, :] - places[n_key - n_query :, None]).abs()  # (query, key)
    return -slopes[:, None, None] * distance
    # END SOLUTION


# %% tags=["check"]
check("06.alibi-bias", alibi_bias)

# %% [markdown]
# ## 06.t5-bucket · Near ones by name, far ones by the dozen
#
# *Difficulty 3 of 3 · 25 minutes · 3 points*
#
# T5 learns one number for each *bucket* of distances. You write the sorting.
#
# - `relative` holds whole numbers, in any shape: place of the key − place of the query. Negative is
#   the past. Return a tensor of the same shape, `int64`.
# - **Both directions** (`bidirectional=True`): the first `num_buckets / 2` buckets serve the past
#   and the query itself, the others the future; the future's numbers start at `num_buckets / 2`.
#   The distance is $|\text{relative}|$.
# - **One direction** (`False`): all buckets serve the past. A key in the future counts as distance 0.
# - Let a direction have $B$ buckets, and $E = B / 2$. A distance below $E$ has a bucket of its own,
#   numbered like the distance. From $E$ on buckets get wider and wider:
#
# $$\text{bucket} = E + \left\lfloor (B - E)\, \frac{\ln(\text{distance} / E)}{\ln(\text{max\_distance} /
# E)} \right\rfloor, \text{ but at most } B - 1.$$
#
# ($\lfloor x \rfloor$ rounds down. `num_buckets` is a multiple of 4.)
#
# The trap: the logarithm of distance 0 is minus infinity, and turning that into a whole number
# gives nonsense. Let such distances never reach it.


# %% tags=["06.t5-bucket"]
def t5_bucket(relative, num_buckets=32, max_distance=128, bidirectional=True):
    """The number of the bucket of each relative place (key - query), in the same shape."""
    # BEGIN SOLUTION
    count = num_buckets // 2 if bidirectional else num_buckets
    exact = count // 2
    distance = relative.abs() if bidirectional else (-relative).clamp(min=0)
    share = (distance.clamp(min=exact) / exact).log() / math.log(max_distance / exact)
    far = (exact + (count - exact) * share).floor().long().clamp(max=count - 1)
    bucket = torch.where(distance < exact, distance, far)
    return bucket + count * (relative > 0) if bidirectional else bucket
    # END SOLUTION


# %% tags=["check"]
check("06.t5-bucket", t5_bucket)

# %% [markdown]
# ## 06.position-bug · Filler in front moves the whole sentence
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# The function below adds a row of a learned table to each word. Its author tested it with padding
# on the right. Then somebody padded a batch on the left, as models that write need it, and the same
# sentence got other outputs. Mend it.
#
# - `x` is `(batch, seq, d_model)`; `real` is `(batch, seq)` and bool, `False` where a position is
#   filler. `table` is `(max_len, d_model)`.
# - The first *real* word of each sentence gets row 0, its next word row 1, and so on, whether filler
#   stands in front, behind, or on both sides.
# - Filler gets no row: there, return `x` as it is.
# - A padded batch may be longer than the table, as long as no sentence is.


# %% tags=["06.position-bug"]
def add_places(x, real, table):
    """x (batch, seq, d_model) plus, for every real word, the row of its place in its sentence."""
    # BEGIN SOLUTION
    place = (real.cumsum(dim=-1) - 1).clamp(min=0)  # (batch, seq)
    return x + table[place] * real[..., None]
    # END SOLUTION
    # BEGIN STUB
    # place = torch.arange(x.shape[1])
    # return x + table[place % len(table)] * real[..., None]
    # END STUB


# %% tags=["check"]
check("06.position-bug", add_places)
