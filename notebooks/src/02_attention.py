# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Attention
#
# **How can a word look things up in other words?** "The animal didn't cross the street because it was too tired." You
# know what *it* is. To know, you went back to *animal* and passed over *street*. Chapter 01 showed a way back that is
# one step long, however far apart two words are. This chapter builds it, from a loop you could do on paper to the line
# that runs in nearly every Transformer.
#
# After it you can
#
# - compute attention by hand for one word, then for all words with one matrix product,
# - say why the scores are divided by $\sqrt{d_{head}}$, and what training does if they are not,
# - say what attention does *not* see, and what it costs,
# - write a module of your own.
#
# You need 00 and 01. About 60 minutes, and 90 more for the exercises.

# %%
import math

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.claims import claim, rounded
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.plots import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    attention_map,
    query_among_keys,
    training_waits,
    transformer_map,
)
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

_ = torch.manual_seed(0)

# %% [markdown]
# You are inside the attention boxes, enlarged on the left. The softmax is yours since chapter 00; today you build what
# stands before and behind it.

# %%
show(
    transformer_map(here=("scores", "weighted sum"), built=["softmax"]),
    alt="Drawing of the Transformer: encoder, decoder, and the inside of an attention box. Inside "
    "the attention box scores and weighted sum are lit; softmax, between them, is built.",
)

# %% [markdown]
# ## 2.1 One word asks
#
# A *lookup* needs three things. Somebody asks: that is the **query**. Everybody who might answer wears a label: that is
# the **key**. And behind the label is something to hand over: that is the **value**. In a dictionary of Python the
# query has to equal a key. **Attention** is softer: every key is compared with the query, and every value is handed
# over a little, more of it the better the key fits.
#
# Words cannot be compared, vectors can. So each word gets a key of four numbers. They are made up, so that you can
# check everything by eye; a trained model finds its own (chapter 03).

# %%
words = "The animal didn't cross the street because it was too tired".split()
columns = ["being", "place", "doing", "state"]

keys = torch.zeros(len(words), 4)  # (key, d_head)
for word, column in zip(["animal", "street", "cross", "tired"], range(4)):
    keys[words.index(word), column] = 1.0
print("key of", *columns)
for word in ("animal", "street", "because"):
    print(f"{word:>8}", rounded(keys[words.index(word)], 0))

# %% [markdown]
# The word *it* stands for something. Say it asks for a being above all, and would settle for a place: its query is `(4,
# 2, 0, 0)`. Query and key have equally many numbers, or no dot product could compare them. We call this width $d_{head}$
# (a *head* is one attention of a model, chapter 03); the paper writes $d_k$. Here it is 4.
#
# How well does a key fit a query? Chapter 00 had a measure, the dot product. One score for each word:

# %%
query = torch.tensor([4.0, 2.0, 0.0, 0.0])  # what "it" asks for

scores = []
for key in keys:
    scores.append(sum(q * k for q, k in zip(query.tolist(), key.tolist())))
print(*[f"{word} {score:g}" for word, score in zip(words, scores)], sep=", ")

# %% [markdown]
# *animal* 4, *street* 2, the others 0. Scores can be any number. Softmax makes shares of them, positive and with sum 1:
# $e^{score}$, divided by the sum of all of those. The shares are called **attention weights**. (A model's learned
# numbers are often called its weights, too. Here we say parameters for those.)

# %%
powers = [math.exp(score) for score in scores]
weights_of_it = [power / sum(powers) for power in powers]
for word, weight in zip(words, weights_of_it):
    print(f"{word:>8} {weight:.3f} {'█' * round(25 * weight)}")

# %% [markdown]
# *it* spends 0.769 of its attention on *animal*, 0.104 on *street*, and 0.014 on each of the nine others. Last step:
# take from every word its value, by weight. Our values have two numbers, *alive* and *made of stone*. The animal is
# alive, the street is made of stone, and the other words hand over nothing. (A value may be wider or narrower than a
# key. Its width is called $d_{value}$.)

# %%
values = torch.zeros(len(words), 2)  # (key, d_value): alive, made of stone
values[words.index("animal")] = torch.tensor([1.0, 0.0])
values[words.index("street")] = torch.tensor([0.0, 1.0])

found = torch.zeros(2)
for weight, value in zip(weights_of_it, values):
    found += weight * value
rounded(found)

# %% [markdown]
# That is attention: score, softmax, weighted sum. *it* went in without a meaning of its own and came out as 77 % alive,
# 10 % made of stone.
#
# With two numbers each, keys and queries are arrows, and a score is both lengths times the cosine of the angle between
# them (chapter 00). **Turn the query through the keys**, and make it longer.


# %% tags=["nbval-ignore-output"]
plane_keys = torch.tensor([[2.0, 0.4], [-0.6, 2.0], [-1.6, -1.4]])  # (key, 2)
names = ("animal", "street", "tired")


@widgets.interact(
    angle=widgets.IntSlider(40, 0, 360, 5, description="angle"),
    length=widgets.FloatSlider(1.5, min=0, max=4, step=0.25, description="length"),
)
def turn_the_query(angle, length):
    turned = math.radians(angle)
    query = length * torch.tensor([math.cos(turned), math.sin(turned)])
    weights = (plane_keys @ query).softmax(dim=-1)
    title = "The larger the dot product, the thicker"
    ax = query_among_keys(query, plane_keys, weights, names, title=title, reach=5)
    told = [f"{name} {weight:.2f}" for name, weight in zip(names, weights)]
    return show(ax.figure, alt=f"A query at {angle} degrees among three keys: {', '.join(told)}.")


# %% [markdown]
# One turn, all round, of a short and of a long query. The angle decides *who* gets most, the length how *much*.

# %%
around = torch.linspace(0, 2 * math.pi, 181)
circle = torch.stack([around.cos(), around.sin()], dim=-1)  # (query, 2)
turns = {length: (length * circle @ plane_keys.T).softmax(dim=-1) for length in (0.15, 3)}
for length, shares in turns.items():
    print(f"length {length}: animal gets {shares[:, 0].min():.2f} to {shares[:, 0].max():.2f}")

# %% jupyter={"source_hidden": true}
fig, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4.4), layout="constrained", width_ratios=(1, 1.5)
)
query_among_keys(3 * circle[20], plane_keys, turns[3][20], names, ax=left, title="At 40 degrees")
for i, (name, color) in enumerate(zip(names, (BLUE, ORANGE, GREEN))):
    right.plot(around.rad2deg(), turns[3][:, i], color=color, label=f"{name}, query of length 3")
    right.plot(
        around.rad2deg(),
        turns[0.15][:, i],
        color=color,
        linestyle=":",
        label=f"{name}, length 0.15",
    )
right.set(xlabel="angle of the query", ylabel="weight", ylim=(0, 1), xticks=range(0, 361, 90))
right.set_title("A long query picks one key, a short one mixes")
fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
show(
    fig,
    alt="Left: three keys as arrows and a query between two of them. Right: weights of the three keys over the "
    "angle of the query. For a long query they are three plateaus near 1, one after the other; for a short one "
    "three gentle waves around a third.",
)

# %% [markdown]
# ## 2.2 Every word asks: from loops to one line
#
# Not only *it* has questions. Every word gets a query: *cross* wants to know who crosses what, *tired* who is tired.

# %%
asks = {  # being, place, doing, state
    "The": (3, 0, 0, 0),
    "animal": (0, 0, 2, 2),
    "didn't": (0, 0, 4, 0),
    "cross": (3, 3, 0, 0),
    "the": (0, 3, 0, 0),
    "street": (0, 0, 3, 0),
    "because": (0, 0, 0, 0),
    "it": (4, 2, 0, 0),
    "was": (3, 0, 0, 3),
    "too": (0, 0, 0, 4),
    "tired": (4, 0, 0, 0),
}
queries = torch.tensor([asks[word] for word in words], dtype=torch.float)  # (query, d_head)

# %% [markdown]
# **First step: loops.** Two of them, one score for each pair of words. Rows ask, columns are asked.

# %%
looped = torch.zeros(len(words), len(words))  # (query, key)
for i, q in enumerate(queries):
    for j, k in enumerate(keys):
        looped[i, j] = (q * k).sum()

# %% [markdown]
# **Second step: one matrix product.** All dot products of the rows of one table with the rows of another: that is what
# `queries @ keys.T` computes.

# %%
table = queries @ keys.T  # (query, d_head) @ (d_head, key) -> (query, key)
claim("the product holds the same 121 scores as the loops", torch.equal(table, looped))

# %% [markdown]
# **Third step: softmax, along the right axis.** Each *row* is one word's attention, to be shared out among the keys. So
# the softmax runs along the last axis. Along the other one the queries would compete for each key, in the same
# shape and without a message:

# %%
weights = table.softmax(dim=-1)
wrong = table.softmax(dim=0)
print("right: row sums", rounded(weights.sum(dim=-1)[:4], 2))
print("wrong: row sums", rounded(wrong.sum(dim=-1)[:4], 2))

# %% [markdown]
# **Fourth step: the mix** is a matrix product, too.

# %%
output = weights @ values  # (query, key) @ (key, d_value) -> (query, d_value)
claim("the row of 'it' is what the loop found", torch.allclose(output[words.index("it")], found))

# %% [markdown]
# In one line. Since the words that ask are the words that are asked, it is called **self-attention**:
#
# $$\mathrm{softmax}(Q K^\top)\, V$$
#
# with $Q$, $K$, $V$ for the tables of all queries, keys and values. One thing is still missing from it (2.4).
#
# *because* asks for nothing: its query is `(0, 0, 0, 0)`, so all its scores are 0.

# %%
predict("02.nothing", "What weight does `because` give to each of the eleven words?")

# %%
outcome("02.nothing", weights[words.index("because")].max())

# %% [markdown]
# All the weights:

# %% jupyter={"source_hidden": true}
show(
    attention_map(weights, words, title="Each row is one word's attention, and sums to 1"),
    alt="Heat map of 11 by 11 weights. 'it' and 'tired' look at 'animal', 'the' at 'street', "
    "'too' at 'tired', 'cross' at 'animal' and 'street' alike. The row of 'because' is even.",
)

# %% [markdown]
# Or point at a word:

# %%
attention_hover(words, weights, title="Hand-made attention", start=words.index("it"))

# %% [markdown]
# *it* and *tired* look at the same being. *cross* asks for a being and a place with equal force, and gives each 41 %.

# %% [markdown] tags=["tells"]
# ## 2.3 What a mix can be, and what it cannot
#
# *because* asked for nothing, and still each word gets one eleventh of its attention. Softmax shares out *all* of it,
# even where nothing fits; what comes out is then the plain average of all values. **The weights cannot say "none of
# these".** A trained model can, by a detour: it looks at a word whose *value* is almost 0. Chapter 03 catches one at
# it.
#
# The mix has a second limit. An average with weights that are not negative and sum to 1 is called a **convex
# combination**. In each column it stays within the range of what it averages:

# %%
low, high = values.amin(dim=0), values.amax(dim=0)
inside = (output >= low) & (output <= high)
claim("every output lies between the smallest and the largest value", inside.all())
claim("every weight is above 0", (weights > 0).all())

# %% [markdown]
# On paper it hides nothing completely: every word gets a little of every other. (A computer rounds the smallest
# weights to 0.) If a word must not be seen at all, we need a mask (chapter 04).
#
# ## 2.4 Why divide by the square root of $d_{head}$?
#
# Four numbers a word is a toy. Real keys are wider, often 64 or 128 numbers, and before training they are random. What
# is the dot product of two random vectors like? About half of its terms are positive and half negative, so on average
# it is 0. But how far does it stray? Its **spread** (the *standard deviation*) over 2,000 pairs:

# %%
for width in (4, 16, 64, 256, 1024):
    pairs = torch.randn(2, 2000, width, generator=torch.Generator().manual_seed(0))
    spread = (pairs[0] * pairs[1]).sum(dim=-1).std()
    print(f"{width:4}: spread {spread:4.1f}, root {math.sqrt(width):4.1f}")

# %% [markdown]
# The spread follows the square root of the width, and there is a reason. *Variance* is the average square when the mean
# is 0, and the spread is its root. Our numbers have mean 0 and variance 1, and are *independent*: none tells anything
# about another. Then the average of $q^2 k^2$ is the average of $q^2$ times that of $k^2$, so each of the $d_{head}$
# terms $q\,k$ has variance $1 \cdot 1$. And variances of independent terms add up: to $d_{head}$.
#
# At width 1,024 a score of 32 comes *by chance alone*. What does softmax make of such scores?

# %%
predict(
    "02.scaling",
    "Width 512, one random query, ten random keys, scores not divided by anything. "
    "How much of the weight does the top key take, on average over many draws?",
)


# %%
def random_scores(width, draws=1000):
    """Raw scores of one random query with ten random keys, many times: (draws, key)."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(draws, 1, width, generator=generator)
    keys = torch.randn(draws, 10, width, generator=generator)
    return (query @ keys.transpose(-2, -1))[:, 0]


weights_512 = random_scores(512).softmax(dim=-1)
outcome("02.scaling", weights_512.amax(dim=-1).mean())

# %% [markdown]
# One key takes nearly everything. It does not fit; it was lucky. The cure: divide the scores by their spread,
# $\sqrt{d_{head}}$, before the softmax.
#
# **Your turn**: `02.attention-weights`, before you see it done.
#
# One draw in pictures: a query and ten keys of 1,024 numbers, of which we use the first 4, then 32, 128, 512.

# %% tags=["tells"] jupyter={"source_hidden": true}
wide = torch.Generator().manual_seed(3)
wide_query, wide_keys = torch.randn(1024, generator=wide), torch.randn(10, 1024, generator=wide)


def ten_scores(width, divisor):
    """Scores of the ten keys when only the first `width` numbers are used."""
    return wide_keys[:, :width] @ wide_query[:width] / divisor


fig, axes = plt.subplots(2, 4, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for column, width in enumerate((4, 32, 128, 512)):
    raw, divided = ten_scores(width, 1), ten_scores(width, math.sqrt(width))
    axes[0, column].bar(range(1, 11), raw.softmax(dim=-1), color=RED)
    axes[1, column].bar(range(1, 11), divided.softmax(dim=-1), color=BLUE)
    axes[0, column].set(title=f"d_head {width}", ylim=(0, 1))
    axes[1, column].set(xlabel="key", xticks=range(1, 11))
axes[0, 0].set(ylabel="weight, raw")
axes[1, 0].set(ylabel="weight, divided")
fig.suptitle("Raw, a cloud tips into a spike as the vectors get wider; divided, it stays a cloud")
alt = """Two rows of four bar charts: ten weights at widths 4, 32, 128 and 512. Upper row, raw
scores: from a mixture to a single bar near 1. Lower row, divided by the root: always a mixture."""
show(fig, alt)

# %% [markdown]
# One number says how sharp a row is: its **effective number of words**. Take the row's **entropy**, which measures how
# undecided it is, $H = -\sum_j w_j \ln w_j$, and raise $e$ to it. A row that looks at one word alone has $H = 0$, and
# $e^0 = 1$ word. An even row over ten has $H = \ln 10$, so 10 words. (PyTorch has $\ln w$ ready from scores, as
# `log_softmax`.)


# %% tags=["tells"]
def looked_at(scores):
    """How many words each row of scores looks at."""
    logs = scores.log_softmax(dim=-1)
    return (-(logs.exp() * logs).sum(dim=-1)).exp()


for width in (4, 64, 512):
    raw = random_scores(width)
    both = [raw, raw / math.sqrt(width)]
    tops = rounded([s.softmax(dim=-1).amax(dim=-1).mean().item() for s in both], 2)
    counts = rounded([looked_at(s).mean().item() for s in both], 1)
    print(f"d_head {width:3}   raw, divided: largest weight {tops}, effective words {counts}")

# %% [markdown] tags=["tells"]
# Raw, attention over ten words shrinks to one word as the vectors get wider. Divided, it stays near 7 words at any
# width. **Your turn**: `02.effective-words`. There you get weights, not scores, and some of them are 0.

# %% [markdown]
# **Why is a spike bad?** A model may well want to look at one word. But it has to *learn* which one, and learning goes
# by gradients. Nudge score $s_j$ a little; weight $w_i$ moves by
#
# $$\frac{\partial w_i}{\partial s_j} = w_i\,(\mathbf{1}[i=j] - w_j)$$
#
# ($\mathbf{1}[i=j]$ is 1 if $i = j$ and 0 otherwise.) If one weight is 1 and the others are 0, all these slopes are 0:
# either $w_i$ is 0 or the bracket is. Softmax is flat there, and the query never hears that it looked at the wrong
# word. How much does it hear? The gradient that reaches a random query, for three divisors: nothing, the
# square root, and the width itself.


# %%
def gradient_at_query(width, divisor, draws=1000):
    """Length of the gradient that reaches a random query through its weights: (draws,)."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(draws, 1, width, generator=generator, requires_grad=True)
    keys = torch.randn(draws, 10, width, generator=generator)
    values = torch.randn(draws, 10, 1, generator=generator)
    weights = (query @ keys.transpose(-2, -1) / divisor).softmax(dim=-1)
    (weights @ values).sum().backward()  # the draws do not touch each other
    return query.grad.norm(dim=-1).flatten()


divisors = {"nothing": lambda width: 1, "√d_head": math.sqrt, "d_head": float}
print("                               [1 in 10 is below, half is below, 1 in 10 is above] mean")
for width in (512, 64):
    for name, divisor in divisors.items():
        gradients = gradient_at_query(width, divisor(width))
        tenths = rounded(gradients.quantile(torch.tensor([0.1, 0.5, 0.9])))
        print(f"width {width:3}, divided by {name:8}", tenths, rounded(gradients.mean()))

gradients, second = gradient_at_query(512, 1), weights_512.topk(2).values[:, 1]
large = gradients > gradients.quantile(0.9)
print(f"nothing: second weight where gradients are large {second[large].median():.2f}", end=", ")
print(f"elsewhere {second[~large].median():.2f}")

# %% [markdown]
# The usual story, "without scaling the gradient vanishes", is only half of it, and one of wide heads. At width 512
# *half* of the queries get next to nothing, and *one in ten* gets a shove above 3, ten times what is normal: where two
# keys share the top by chance (last line), softmax still has a slope. The *mean* is even larger than with the square
# root. At width 64 the middle query gets 0.283, nearly as with the root; the shoves stay.
#
# Dividing by $d_{head}$ itself errs the other way: all scores end up near 0, and all queries get equally little. Of the
# three, only the square root leaves the spread of the scores at 1, whatever the width.
#
# ### And in training?
#
# Can a model without the divisor not learn? Train it on a game: eight guests around a table, each with a dish; each has
# to name the dish of the guest to the left. (Chapter 03 plays it.) One attention does it, with queries and
# keys 512 wide, of variance 1 at the start. Every divisor gets the learning rate that suits it best, with two ways of
# stepping: plain (SGD) and `Adam`, which evens the steps out.
#
# Hundreds of runs: a **study**, done beforehand (section 1.5). Five seeds chose the rates: their runs are the
# dots, and a line joins their medians. Ten other seeds gave the numbers printed above it.

# %%
predict(
    "02.trained",
    "Divided by √512, Adam learns it in some 15 steps. Undivided, at its best rate, in how many: "
    "15, 40, 300, never? (The middle one of ten seeds.)",
)

# %%
record = study("02_divisors")
results, most = record["results"], record["results"]["steps"]
outcome("02.trained", sorted(results["waits"]["Adam, nothing"])[5])

# %% jupyter={"source_hidden": true}
print(record["command"], "· seeds", record["seeds"], "· steps until 99 % are right, ten in a row:")
for name, waits in results["waits"].items():
    print(f"{name:28} rate {results['best'][name]:<5} {sorted(waits)}")
drawn = ((RED, "--"), (BLUE, "-"), (GREEN, ":"), (ORANGE, "-."))
ways = (*divisors, "nothing, smaller start")
styles = {name: {"color": c, "linestyle": s} for name, (c, s) in zip(ways, drawn)}
fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, (way, rates) in zip(axes, results["rates"].items()):
    runs = {name: results["tuning"][f"{way}, {name}"] for name in ways}
    training_waits(runs, rates, most=most, styles=styles, ax=ax, title=way)
lines = axes[0].get_legend_handles_labels()
fig.legend(*lines, title="divided by", loc="outside lower center", ncols=4)
fig.suptitle("The divisor moves the rate that works; without one, a smaller start does as well")
alt = """Steps to learn over the learning rate; left Adam, right SGD. Divided by the root: falls to
about 15, five seeds close together. By d_head: the same shape, moved to larger rates. By nothing: near
the root's curve at small rates, seeds scattered, not done at the largest rates that suit the root. By nothing, with a smaller
start: like the root, at smaller rates."""
show(fig, alt)

# %% [markdown]
# It mostly learns. A tuned rate makes up for much: typically 20 to 80 steps instead of 13 to 18. What remains is *luck*:
# seeds part ways, and one of the twenty runs wasn't done after 600 steps. Dividing by $d_{head}$ learns evenly, at
# larger rates.
#
# The "smaller start" is the control. Divide by *nothing*, and start with queries and keys that are both shorter by
# $\sqrt[4]{512}$, so that their products are smaller by $\sqrt{512}$, as with the root: 12 to 15 steps. So the division
# is not what lets attention learn, the *start* is. Dividing gives the same start at every width, with less to tune; T5
# (chapter 15) starts smaller instead.

# %% [markdown]
# ## 2.5 The formula, finished
#
# With its divisor it is called **scaled dot-product attention**:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_{head}}}\right) V$$
#
# Real inputs come in batches, so there may be more axes in front. Counted from the end, nothing changes; that is why it
# says `transpose(-2, -1)` and not `.T`.


# %%
def attention(query, key, value):
    """softmax(query key^T / sqrt(d_head)) value, and the weights."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (…, query, key)
    weights = scores.softmax(dim=-1)
    return weights @ value, weights  # (…, query, d_value), (…, query, key)


# %% [markdown]
# This is equation 1 of the paper of 2017, and PyTorch has it built in. Two sentences, 5 queries, 7 keys, every size
# different, so that no mix-up of axes can hide:

# %%
q, k, v = torch.randn(2, 5, 11), torch.randn(2, 7, 11), torch.randn(2, 7, 3)
mixed, shares = attention(q, k, v)
theirs = F.scaled_dot_product_attention(q, k, v)
claim("equals PyTorch's to 1e-5", torch.allclose(mixed, theirs, atol=1e-5))
claim("all rows sum to 1", torch.allclose(shares.sum(dim=-1), torch.ones(2, 5)))
claim("equals the course's", torch.equal(mixed, scaled_dot_product_attention(q, k, v)[0]))
mixed.shape, shares.shape

# %% [markdown]
# PyTorch's function returns no weights, the course's own does.
#
# **Your turn**: `02.attention`, and the bug in `02.scaled-bug`.
#
# ## 2.6 Temperature
#
# What did the division do to our sentence? Its $d_{head}$ is 4, so all scores are halved. But they were not random to
# begin with, and now *it* looks too softly: 0.387 at *animal* where it was 0.769.
#
# How sharp a row should be is a choice. The knob for it is a number $T$ by which the scores are divided before the
# softmax. It is called **temperature**: cold freezes the choice, heat melts it. Our $\sqrt{d_{head}}$ is a temperature
# fixed in advance.

# %%
halved = queries[words.index("it")] @ keys.T / math.sqrt(4)
print("'it' on 'animal':", rounded(halved.softmax(dim=-1)[words.index("animal")]))
for temperature in (0.01, 0.25, 0.5, 1, 4, 1000):
    print(f"T = {temperature}: looks at {looked_at(halved / temperature):.1f} of 11 words")

# %% [markdown]
# Near 0 the slopes are flat, unless two keys tie; in great heat every word gets the same, whatever was asked. Chapter 11 uses $T$ to make a
# writing model bold or dull.

# %% [markdown]
# ## 2.7 A module: numbers that belong together
#
# So far attention is a function, and we made its numbers by hand. A model has to *keep* its parameters, so that
# training can find them. PyTorch's class for that is a **module**, made from `nn.Module`: `__init__` runs once and
# makes the parameters, `forward` runs when the object is called. `nn.Parameter` around a tensor says: training may move
# this. Our soft dictionary as a module:


# %%
class SoftDictionary(nn.Module):
    """Keys and values of its own; answers a query with a mix of its values."""

    def __init__(self, entries, d_head, d_value):
        super().__init__()  # first of all: nn.Module gets its books ready
        self.keys = nn.Parameter(torch.randn(entries, d_head))
        self.values = nn.Parameter(torch.zeros(entries, d_value))

    def forward(self, query):
        return attention(query, self.keys, self.values)


dictionary = SoftDictionary(entries=5, d_head=2, d_value=3)
mixed, _ = dictionary(torch.randn(4, 2))  # calls forward
print(mixed.shape, {name: tuple(p.shape) for name, p in dictionary.named_parameters()})

# %% [markdown]
# Parameters are found by their names: by whoever trains them, and by whoever saves them to a file. A plain tensor would
# not be found; it would never learn.
#
# Modules may hold other modules. Models of text begin with one, `nn.Embedding`. Text reaches it as **ids**, the places
# of words in a list, and for each id it hands out a row of its one parameter, a table:

# %%
embedding = nn.Embedding(len(words), 4)  # a row of 4 random numbers for each of 11 words
ids = torch.tensor([[1, 7, 1]])  # animal, it, animal: one sentence (batch, seq)
claim("it looks up rows", torch.equal(embedding(ids), embedding.weight[ids]))
print(embedding(ids).shape)

# %% [markdown]
# **Your turn**: the build `02.word-attention`, from ids to mixed vectors. In the end it learns which words belong
# together.

# %% [markdown]
# ## 2.8 What if the words change places?
#
# Shuffle the eleven words. Each keeps its query, its key and its value; only the places change. To compare each word
# with itself, we then put the new outputs back: `order.argsort()` holds the place to which each word has gone.

# %%
predict("02.shuffle", "How many of the eleven words get another output than before?")

# %%
output, _ = attention(queries, keys, values)
order = torch.randperm(len(words), generator=torch.Generator().manual_seed(1))
shuffled, _ = attention(queries[order], keys[order], values[order])
put_back = shuffled[order.argsort()]
changed = (put_back - output).abs().amax(dim=-1) > 1e-6
print("new order:", *[words[i] for i in order])
outcome("02.shuffle", f"{changed.sum()} of {len(words)}")

# %% [markdown]
# None. Every score is between *two words*, and no place comes into it; a sum does not care about the order of its terms
# either.
#
# The word for this is **permutation equivariance**: permute the inputs, and the outputs are permuted the same way.
# (*Invariant*, often said, would mean that nothing moves.)
#
# For a set that is a gift. For language it is a disaster: the dog who bites and the dog who is bitten are one dog. The
# cure is to put the place into the vector before attention sees it (chapter 06).
#
# **Your turn**: in `02.equivariant` you write the test that tells such functions apart.

# %% [markdown]
# ## 2.9 The bill
#
# Every word looks at every word. With $n$ words that is $n^2$ pairs, and each pair has its score and its share of the
# mix: a **quadratic cost**. The weights alone are a table of $n^2$ numbers, for each attention that a model holds.
#
# **Your turn**: `02.cost` asks for the count of multiplications and bytes, for any sizes.
#
# The folded class notes the largest tensor that any operation of PyTorch returns.


# %% jupyter={"source_hidden": true}
class LargestTensor(TorchDispatchMode):
    """Inside a `with` block, notes the size of the largest tensor made, in MiB."""

    mebibytes = 0.0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple) else (made,):
            if isinstance(tensor, torch.Tensor):
                self.mebibytes = max(self.mebibytes, tensor.nbytes / 2**20)
        return made


# %% [markdown]
# Our function and PyTorch's own, on 256 to 4,096 words:


# %%
def largest(attend, n, axes=(1, 1)):
    """MiB of the largest tensor that attention among n words makes."""
    q, k, v = torch.randn(3, *axes, n, 64)
    with LargestTensor() as listener:
        attend(q, k, v)
    return listener.mebibytes


lengths, built_in = [256, 512, 1024, 2048, 4096], F.scaled_dot_product_attention
print("largest tensor, MiB, ours:           ", rounded([largest(attention, n) for n in lengths], 2))
print("PyTorch's, (batch, head, seq, d_head):", rounded([largest(built_in, n) for n in lengths], 2))
print("PyTorch's, (batch, seq, d_head), 4,096:", rounded(largest(built_in, 4096, (1,)), 2))

# %% [markdown]
# Twice the words, four times our table: 64 MiB in the end, for one attention. A model with 12 of them in each of 12
# layers (chapter 05) makes 144. PyTorch's function, called with an axis for heads, returns none larger than its
# output here: never the whole table. (Without that axis it does.) It goes through the
# keys in blocks, with each row's largest score and sum so far: **FlashAttention** (Dao et al., 2022).

# %% [markdown]
# ## Summary
#
# - A query asks, keys answer how well they fit, values are handed over. **Score, softmax, weighted sum.**
# - For all words at once: $\mathrm{softmax}(QK^\top/\sqrt{d_{head}})\,V$. Rows ask, columns are asked; each row
#   sums to 1.
# - Random scores have the spread $\sqrt{d_{head}}$. Undivided, at width 512, one key takes nearly everything by luck,
#   and gradients are tiny for most queries, huge for a few.
# - Training mostly survives both: at its best rate an undivided attention of width 512 mostly learned our game, too,
#   later, by luck. With a smaller start it was as quick as with the divisor.
# - The output is a convex combination of values. Weights cannot abstain; a value near 0 can.
# - A module keeps parameters by name; `nn.Embedding` is a table of them, a row for each id.
# - No place enters anywhere: permute the words, and the outputs permute along.
# - Multiplications and the table of weights grow with the square of the length.
#
# Where do queries, keys and values come from, and why three? Chapter 03.
#
# ## Quiz

# %%
quiz("02")

# %% [markdown]
# ## Interview questions
#
# <details><summary>Why does the Transformer divide by the square root of the width, and not by the width?</summary>
#
# With independent entries of variance 1, a dot product has the spread $\sqrt{d_{head}}$. Dividing by it brings the
# spread to 1 at every width. Without it a wide head's softmax saturates: the typical gradient nearly vanishes, and a
# few near-ties get very large ones. Dividing by the width leaves scores near 0 and gradients that shrink with the
# width. All this is about the start of training: in our game smaller numbers at the start did as well, and the width
# itself nearly so, at a larger rate.
#
# </details>
#
# <details><summary>What is the complexity of self-attention?</summary>
#
# $O(n^2 d)$ time and, done naively, $O(n^2)$ memory for the weights, for each attention of the model. Versions such as
# PyTorch's own keep the $n^2$ time and can avoid the $n^2$ memory.
#
# </details>
#
# <details><summary>Is attention invariant to the order of its inputs?</summary>
#
# Self-attention without positions is *equivariant*: permuted inputs give permuted outputs. A pooled result, such as the
# mean over all outputs, is invariant. Positions (and a causal mask, chapter 04) break the symmetry.
#
# </details>
#
# ## Exercises
#
# Open [exercises/02_attention.ipynb](exercises/02_attention.ipynb).
#
# - `02.attention-weights`: write the weights, safe for large scores.
# - `02.effective-words`: measure how sharp a row is.
# - `02.attention`: write the whole formula, with a softmax of your own.
# - `02.scaled-bug`: mend a function whose author's tests all pass.
# - `02.word-attention`: build a module that can be trained, from ids to mixed vectors.
# - `02.equivariant`: write a test that finds layers that cheat with places.
# - `02.cost`: count multiplications and bytes.
#
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.1,
#   [arXiv:1706.03762](https://arxiv.org/abs/1706.03762). Equation 1, and the paper's reason for the square root in a
#   footnote.
# - Bahdanau et al. 2014, *Neural Machine Translation by Jointly Learning to Align and Translate*, arXiv:1409.0473.
#   Attention with a small network instead of a dot product.
# - Luong et al. 2015, *Effective Approaches to Attention-based Neural Machine Translation*,
#   [arXiv:1508.04025](https://arxiv.org/abs/1508.04025). The dot product as a score, not yet divided.
# - Yang et al. 2022, *Tensor Programs V*, [arXiv:2203.03466](https://arxiv.org/abs/2203.03466). Divides by the width
#   itself, because trained queries and keys are no longer independent.
#
# ## Glossary
#
# - **attention**: a mix of values in which each query weights the keys by how well they fit.
# - **query**: the vector with which a word asks.
# - **key**: the vector by which a word is found; it is compared with queries.
# - **value**: the vector that a word hands over, in the share that its key has earned.
# - **attention weights**: softmax of a query's scores; one row for each query, and it sums to 1.
# - **scaled dot-product attention**: softmax of the scores over the root of $d_{head}$, times the values.
# - **temperature**: a number that scores are divided by before softmax; low is sharp, high is flat.
# - **entropy**: how undecided a row of weights is, minus the sum of w ln w; e to it counts words.
# - **convex combination**: an average with weights that are not negative and sum to 1.
# - **self-attention**: attention in which the words that ask are the words that are asked.
# - **permutation equivariance**: when the inputs change places, the outputs change places with them.
# - **quadratic cost**: work or memory that grows with the square of the number of words.
