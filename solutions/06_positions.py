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
# Eight exercises. You write the four ways to tell a model where its words stand that are not simply
# a learned table: sinusoidal positions, rotary ones, a penalty for distance (ALiBi), buckets (T5). One test
# tells a method that knows distances from one that only pretends. Then you run the comparison yourself: a
# small study, and a fair one. In the last, a bug moves every word of a sentence because of padding in front of it.
#
# A **position** is counted from 0. Shapes are written `(batch, heads, seq, d_head)`.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.rotary import Rotary


class Guesser(nn.Module):
    """Guesses the next letter, for 06.position-study: one attention, which `way` tells positions."""

    def __init__(self, way, state):
        super().__init__()
        num_letters, d_model = state["embed.weight"].shape
        steps = {"none": None, "rotary": Rotary(d_model // 2), "ALiBi": Alibi(2)}
        self.embed = nn.Embedding(num_letters, d_model)
        self.attention = MultiHeadAttention(d_model, num_heads=2, position=steps[way])
        self.read = nn.Linear(d_model, num_letters)
        self.load_state_dict(state)  # a copy of the weights

    def forward(self, ids):
        """(batch, seq) -> the scores of the next letter, (batch, seq, num_letters)."""
        x = self.embed(ids)
        if self.training:  # every fourth letter is hidden
            x = x * (torch.arange(ids.shape[1]) % 4 < 3)[:, None]
        x = x + self.attention(x, mask=causal_mask)
        return self.read(x)


# %% [markdown]
# ## 06.sinusoidal · Write a position as sinusoids
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# The table of the paper of 2017: one row for each position $p$, two columns for each frequency $i$.
#
# $$\text{table}[p, 2i] = \sin\left(p \,/\, \text{base}^{\,2i/d_{model}}\right) \qquad
# \text{table}[p, 2i+1] = \cos\left(p \,/\, \text{base}^{\,2i/d_{model}}\right)$$
#
# - Return `(max_len, d_model)`, float32. The first position is 0.
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
            f"a sine and a cosine share each frequency: need an even d_model, got {d_model}"
        )
    speeds = base ** (-torch.arange(0, d_model, 2) / d_model)  # (d_model / 2,)
    angles = torch.arange(max_len)[:, None] * speeds  # (max_len, d_model / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    # END SOLUTION


# %% tags=["check"]
check("06.sinusoidal", sinusoidal_positions)

# %% [markdown]
# ## 06.relative-test · Does it know distances, or only pretend?
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Somebody hands you a position method. You lay *the same* query vector at each of `n` positions and
# *the same* key vector at each of `n` positions, and let the method work. `scores[i, j]` is the score
# of the query at position `i` with the key at position `j`.
#
# - Return `True` when the method is **relative**: the score depends on the distance $j - i$ alone,
#   *and* it does depend on it. Otherwise `False`.
# - Distance has a direction: one to the left and one to the right may score differently.
# - Scores that differ by less than 0.001 count as equal; for one distance, that means *any two* of
#   its scores, at 1,000 as well as at 0. `n` is at least 3. Nothing is masked. Scores may come in
#   float64, too.
#
# What will be tried: a method that does nothing; one that is right whenever query and key stand at
# the same position, and only then; positions that start again after a while; one wrong cell.


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
# ## 06.rotate · Turn queries and keys by their position
#
# *Difficulty 3 of 3 · 20 minutes · 3 points*
#
# The rotary method, so that it plugs straight into `MultiHeadAttention(position=rotary)`.
#
# - `query` is `(batch, heads, query, d_head)`, `key` is `(batch, kv_heads, key, d_head)`; `d_head`
#   is even. `kv_heads` may be smaller than `heads`, and there may be fewer queries than keys.
# - Keys stand at the positions 0, 1, 2, … The queries are the *last* of the keys: the last query
#   stands where the last key stands.
# - **Pairing is by halves**: column $i$ belongs with column $i + d_{head}/2$. Pair $i$ turns by
#   $\text{base}^{-2i/d_{head}}$ radians for each position.
# - Turning a pair $(a, b)$ by an angle $\alpha$ gives $(a \cos\alpha - b \sin\alpha,\; a \sin\alpha
#   + b \cos\alpha)$.
# - Return three things: the turned query, the turned key, and `None` (there is no bias to add to
#   the scores). Don't change the inputs themselves.
# - The first cell's `Rotary` is for 06.position-study. Don't use it here, nor its parts.
#
# The traps: angles laid out for the other pairing run without complaint. And a test in which there
# are as many queries as keys does not notice queries that start at position 0.


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
except (NotImplementedError, NameError):
    print("First write and run rotary.")

# %% [markdown]
# ## 06.alibi-bias · A penalty for distance
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# ALiBi adds to the score of query position $i$ and key position $j$ the bias $-\,\text{slope}_h \cdot |j -
# i|$. Each head has its own slope, and nothing is learned:
#
# $$\text{slope}_h = 2^{-8 (h + 1) / \text{num\_heads}}, \qquad h = 0, 1, \dots$$
#
# - Return `(heads, query, key)`, float32. `num_heads` is a power of two.
# - The keys stand at 0, 1, 2, … and the queries are the *last* `n_query` of them.
# - The first cell's `Alibi` is for 06.position-study. Don't use it here.
#
# The trap: `n_query` and `n_key` may differ, and then the query's position is not its row.


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
# *Difficulty 3 of 3 · 20 minutes · 3 points*
#
# T5 learns one number for each *bucket* of distances. You write the sorting.
#
# - `relative` holds whole numbers, in any shape: position of the key − position of the query. Negative is
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
# ## 06.full-turns · Which pairs have gone all the way round?
#
# *Difficulty 2 of 3 · 10 minutes · 1 point*
#
# A rotary model is trained on texts of `n` positions. Between the first position and the last, pair $i$
# turns by $(n - 1) \cdot \text{base}^{-2i/d_{head}}$ radians. A pair that makes at least one full
# turn has shown every angle; the others will meet new angles in a longer text.
#
# Don't turn anything: calculate. Return two whole numbers.
#
# 1. How many of the pairs make at least one full turn in `n` positions?
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
# ## 06.position-study · A fair comparison
#
# *Difficulty 3 of 3 · 45 minutes · 4 points*
#
# Which way of telling positions is the best, on texts as long as those of training and beyond? You write the
# experiment. The model is there: `Guesser(way, state)`, in the first cell, starts with a *copy* of the weights in
# `state`. While it trains it hides every fourth letter, a **dropout** without dice, so that everybody gets the same
# numbers.
#
# - `train`, `dev` and `test` are lists of batches, each `(batch, n + 1)` whole numbers, letters. The batches of a
#   list may differ in size, those of `test` also in length. A text of `n + 1` letters holds `n` **guesses**: at each
#   position the model guesses the next letter. All texts of `train` and `dev` are equally long, and their `n` is the
#   *trained length*.
# - **A run**: one way, one rate, the weights of `state`. In training mode, one step for each batch of `train`, in
#   their order, once. The optimizer is `torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)`; the loss of a
#   step is the cross-entropy, averaged over the batch's guesses.
# - **Choose**: each way keeps the rate whose run has the lowest loss on `dev`.
# - **Measure** only the chosen run on `test`: the loss *inside*, at the first `n` positions of each text (`n` is the
#   trained length), and *outside*, at all later positions.
# - On `dev` and `test` the model is in evaluation mode, and a loss is the mean over all the guesses that it speaks
#   of, each with the same weight, whatever batch or text it comes from.
# - Return a dict: `{way: (rate, inside, outside)}`, plain numbers.
#
# The traps: no run may know of another. And whoever chooses on the test has no test any more.


# %% tags=["06.position-study"]
def position_study(ways, state, train, dev, test, rates):
    """For each way the rate that dev chooses, and the test's loss inside and outside."""
    # BEGIN SOLUTION
    n = train[0].shape[1] - 1  # the trained length

    def losses(model, text):
        """The loss of each guess, (batch, seq)."""
        return F.cross_entropy(model(text[:, :-1]).mT, text[:, 1:], reduction="none")

    @torch.no_grad()
    def measured(model, texts, first=None, last=None):
        """The mean loss of all guesses at the places first to last."""
        found = [losses(model, text)[:, first:last].flatten() for text in texts]
        return torch.cat(found).mean().item()

    def run(way, rate):
        model = Guesser(way, state).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        for text in train:
            loss = losses(model, text).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return model.eval()

    report = {}
    for way in ways:
        runs = {rate: run(way, rate) for rate in rates}
        rate = min(rates, key=lambda rate: measured(runs[rate], dev))
        best = runs[rate]
        report[way] = rate, measured(best, test, last=n), measured(best, test, first=n)
    return report
    # END SOLUTION


# %% tags=["check"]
check("06.position-study", position_study)

# %% [markdown]
# **Your study at work.** A text of eight letters in which each is the one three positions before it, nine times of
# ten. It takes some ten seconds. Before you run it: which of the three ways can learn that, and what will it do beyond
# the trained length?

# %% tags=["demo"]
import matplotlib.pyplot as plt
from IPython.display import display

from course_lib.views import show


def repeating(batches, size, length):
    """Batches (size, length + 1): a letter is that of three positions before, nine times of ten."""
    texts = torch.randint(8, (batches, size, length + 1))
    repeats = torch.rand(texts.shape) < 0.9
    for t in range(3, length + 1):
        texts[..., t] = torch.where(repeats[..., t], texts[..., t - 3], texts[..., t])
    return list(texts)


torch.manual_seed(0)
data = repeating(150, 16, 24), repeating(1, 64, 24), repeating(2, 32, 96)  # train, dev, test
shapes = {"embed.weight": (8, 32), "read.weight": (8, 32), "read.bias": (8,)}
shapes |= {f"attention.to_{part}.weight": (32, 32) for part in ("q", "k", "v", "out")}
shapes |= {f"attention.to_{part}.bias": (32,) for part in ("q", "k", "v", "out")}
state = {name: 0.1 * torch.randn(shape) for name, shape in shapes.items()}
state["embed.weight"] *= 10

# %% tags=["demo"]
try:
    found = position_study(("none", "rotary", "ALiBi"), state, *data, rates=(0.1, 0.3, 1.0))
    fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for (way, (rate, *losses)), style in zip(found.items(), ("s:", "o-", "D--"), strict=True):
        ax.plot((0, 1), losses, style, label=f"{way} (rate {rate:g})")
        print(f"{way:>8}: rate {rate:g}, inside {losses[0]:.2f}, outside {losses[1]:.2f}")
    ax.set_xticks((0, 1), ("inside: the first 24", "outside: up to 96"))
    ax.set(xlim=(-0.2, 1.2), ylabel="loss on the test")
    ax.set_title("Three back: who learns it, and what is left beyond")
    ax.legend()
    told = "Loss on the test, inside and outside of the trained length, a line for each way."
    display(show(fig, alt=told))
except (NotImplementedError, NameError):
    print("First write and run position_study.")

# %% [markdown]
# "Three back" is a matter of exact distances, and rotary tells them; a penalty only says how far, roughly. On
# Shakespeare (6.7) the order was another one. A ranking belongs to its task, and here to one seed, one layer and 150
# steps. What would you need before you printed it? (Three seeds at least, and a list of rates of which no way takes the
# first or the last.)

# %% [markdown]
# ## 06.position-bug · Padding in front moves the whole sentence
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# The function below adds a row of a learned table to each word. Its author tested it with padding
# on the right. Then somebody padded a batch on the left, as models that write need it, and the same
# sentence got other outputs. Mend it.
#
# - `x` is `(batch, seq, d_model)`; `real` is `(batch, seq)` and bool, `False` where a position is
#   padding. `table` is `(max_len, d_model)`.
# - The first *real* word of each sentence gets row 0, its next word row 1, and so on, whether padding
#   stands in front, behind, or on both sides.
# - Padding gets no row: there, return `x` as it is. A sentence may be nothing but padding.
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
