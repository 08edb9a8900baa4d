# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Positions
#
# **Why does "dog bites man" equal "man bites dog"?** To attention, a sentence is a bag of words. Chapter 02
# proved it, and left the cure open: somebody has to tell the words where they stand.
#
# After this chapter you can
#
# - write the paper's sines and cosines, and say why a sine never comes without its cosine,
# - turn queries and keys instead (*rotary*, the method of most large models of today), and test that it
#   really knows distances,
# - add a penalty for distance (ALiBi) or a learned one (T5),
# - say what happens to each of them on a text longer than those it was trained on.
#
# You need 02, 04 and 05. About 70 minutes without the optional parts, and two and a half hours more for the exercises.

# %%
import math
from itertools import product

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.data.corpora import shakespeare
from course_lib.nn.masks import causal_mask, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.frequencies import rotary_frequencies
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.relative import t5_bucket
from course_lib.nn.positions.rotary import Rotary, rotary_angles, rotate_half, rotate_interleaved
from course_lib.nn.positions.sinusoidal import sinusoidal_positions
from course_lib.plots import CYCLE, GREY, SIGNED, transformer_map
from course_lib.pretrained.minilm import encode, load_minilm
from course_lib.studies import study
from course_lib.views import outcome, position_clocks, predict, quiz, show

torch.manual_seed(0)
torch.set_num_threads(1)
print("ready")

# %%
attention = ("queries, keys, values", "scores", "masks", "softmax", "weighted sum", "heads")
show(
    transformer_map(here="positions", built=(*attention, "self-attention")),
    alt="The Transformer of 2017. Lit: positions, the box above the embedding, in encoder and decoder. Built: "
    "self-attention and everything inside an attention box.",
)

# %% [markdown]
# ## 6.1 A bag of words
#
# Three words, each a vector of 24 numbers, in two orders through the same layer:

# %%
dog, bites, man = torch.randn(3, 24)
layer = MultiHeadAttention(24, num_heads=3)
one = layer(torch.stack([dog, bites, man])[None])[0]  # (seq, d_model)
other = layer(torch.stack([man, bites, dog])[None])[0].flip(0)  # each word beside itself
claim("each word gets the same output in both", torch.allclose(one, other, atol=1e-5))

# %% [markdown]
# The dog who bites and the dog who is bitten are one dog.
#
# A question that catches many: is a model that *writes* just as blind? Its causal mask (chapter 04) hides what
# comes after, and "after" is a matter of order. Let a fourth word, *stop*, look back at the whole sentence.
# (Each layer's output is added to what went in, `x + layer(x)`: chapter 07 says why.)

# %%
stop, upper = torch.randn(24), MultiHeadAttention(24, num_heads=3)


def last_output(layers, *words):
    """What the last word knows after these layers, under a causal mask."""
    x = torch.stack(words)[None]
    for layer in layers:
        x = x + layer(x, mask=causal_mask(len(words)))
    return x[0, -1]


predict(
    "06.bag",
    "No positions, but a causal mask: can the last word tell who bites, after one layer? After two?",
)


# %%
def tells(layers):
    biter = last_output(layers, dog, bites, man, stop)
    bitten = last_output(layers, man, bites, dog, stop)
    return "no" if torch.allclose(biter, bitten, atol=1e-5) else "yes"


outcome("06.bag", f"after one layer: {tells([layer])}; after two: {tells([layer, upper])}")

# %% [markdown]
# In the first layer *stop* sees a bag: dog, bites, man. But *bites* sees only what came before it, the one who
# bites. In the second layer *stop* looks at *bites*, and *bites* knows: a mask and two layers leak the order. A
# model that reads without a mask, as MiniLM does, would stay blind in every layer.

# %% [markdown]
# ## 6.2 Sinusoids
#
# The first cure: give every position $p = 0, 1, 2, \dots$ a vector, a **positional encoding**, and add it to
# the word's. Which vector? The bare number grows without end, and one column of many is
# easily overlooked.
#
# Think of how a clock writes the time. One hand is fast and tells neighbouring seconds apart. Another is slow
# and tells morning from evening. Together they know the time, and no number ever gets large. A position is
# written in **sinusoids**, waves of many speeds. Wave $i$ turns by $\theta_i$ radians from one position to the
# next, its **frequency**; $2\pi/\theta_i$ positions make one full turn, its **wavelength**:
#
# $$\theta_i = 10000^{-2i/d_{model}}, \qquad i = 0, 1, \dots, d_{model}/2 - 1$$
#
# The first frequency is 1. Each of the others is lower than the one before by the same factor. Below, each
# sinusoid is a clock with one hand. Move the first slider, or click beside it and use the arrow keys (second at 0):

# %%
theta = 10_000 ** (-torch.arange(0, 16, 2) / 16)  # (pair,)
print("wavelengths:", rounded(2 * math.pi / theta, 1))
position_clocks(theta, distance=0, title="A position as eight sinusoids (d_model = 16)")

# %% [markdown]
# The tip of a hand has two coordinates, a cosine and a sine. They fill two columns of the vector, a **pair**:
#
# $$\text{table}[p, 2i] = \sin(p\,\theta_i) \qquad \text{table}[p, 2i+1] = \cos(p\,\theta_i)$$
#
# These are the **sinusoidal positions** of the paper of 2017. The table, for 32 columns:

# %% jupyter={"source_hidden": true}
table = sinusoidal_positions(64, 32)  # (place, d_model)
fig, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained", width_ratios=[1, 1.2])
picture = axes[0].imshow(table, cmap=SIGNED, vmin=-1, vmax=1, aspect="auto")
axes[0].set(xlabel="column", ylabel="position", title="One row for each position")
fig.colorbar(picture, ax=axes[0])
for number, column in enumerate((0, 8, 16, 24)):
    axes[1].plot(table[:, column] - 2.5 * number, color=CYCLE[number], label=f"column {column}")
axes[1].set(xlabel="position", yticks=[], title="Left columns hurry, right columns hardly move")
axes[1].set(ylim=(-9, 3))
axes[1].legend(fontsize=8, loc="upper center", ncols=4)
show(
    fig,
    alt="Left, a heat map of 64 positions by 32 columns: the left columns flicker from row to row, the right ones are "
    "constant stripes of zeros and ones. Right, four columns as curves over the position: a fast wave, two slower ones and a nearly straight line.",
)

# %% [markdown]
# Why both, sine *and* cosine? A sine alone says how high the tip stands, not whether it rises or falls. With
# both, going on by $k$ positions means turning every pair by a fixed angle, and a turn is a matrix. Is there,
# then, *one* matrix $M_k$ that takes the row of any position to the row $k$ positions later?
#
# $$\text{table}[p + k] = M_k \, \text{table}[p] \quad \text{for every } p$$
#
# `lstsq` finds the matrix that fits best (least squares), here from the positions 0 to 99, for $k = 5$: once
# for whole rows, once for their sines alone.

# %%
table = sinusoidal_positions(1000, 8, dtype=torch.float64)
found = torch.linalg.lstsq(table[:100], table[5:105]).solution.T  # (d_model, d_model)
sines = table[:, ::2]  # (place, pair)
alone = torch.linalg.lstsq(sines[:100], sines[5:105]).solution.T  # (.T: our vectors are rows)
predict(
    "06.map",
    "Whole rows, fitted on positions 0 to 99 only. Used at position 900: how far is the result from row 905, at most?",
)

# %%
gap = (found @ table[900] - table[905]).abs().max()
miss = (sines[:100] @ alone.T - sines[5:105]).abs().max()
print(f"sines alone: off by up to {miss:.2f}, even where it was fitted")
outcome("06.map", f"{gap:.6f}")

# %% [markdown]
# Zero, to six decimals; sines alone have no such matrix. Here is the one found, and those for 1 and 50:

# %% jupyter={"source_hidden": true}
angle = 5 * 10_000 ** (-2 / 8)  # of the second pair, in five places
turned = [math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle)]  # sine first
print("the second block for 5:", rounded(found[2:4, 2:4].flatten()))
print("a turn by 5 θ₁:        ", rounded(turned))
fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for ax, k in zip(axes, (1, 5, 50), strict=True):
    fitted = torch.linalg.lstsq(table[:100], table[k : 100 + k]).solution.T
    picture = ax.imshow(fitted, cmap=SIGNED, vmin=-1, vmax=1)
    ax.set(title=f"{k} further", xlabel="column in", ylabel="column out")
fig.colorbar(picture, ax=axes)
fig.suptitle("Going on is turning: blocks of two, nothing outside, each by its own angle")
show(
    fig,
    alt="Three 8 by 8 matrices for steps of 1, 5 and 50. In each only the four 2 by 2 blocks on the diagonal are not "
    "zero. The first block changes most, the last hardly at all.",
)

# %% [markdown] tags=["tells"]
# That is what the paper hoped for: "five words back" is the same matrix everywhere in the text, so a head's
# $W_Q$ and $W_K$ can learn it. The table has no end either. Whether a *model* makes something of positions that
# it never saw is another question (6.7).
#
# The number 10,000 is arbitrary, and matters (6.4, 6.7).
#
# **Your turn**: `06.sinusoidal`.

# %% [markdown]
# ## 6.3 A table that learns
#
# Why calculate? Let the table be parameters, one row for each position, and let training fill it: **learned
# positional embeddings**. GPT-2 and BERT have them. The price is a hard end:

# %% tags=["raises-exception"]
positions = LearnedPositions(d_model=24, max_len=8)
print(positions(torch.randn(1, 8, 24)).shape)
positions(torch.randn(1, 9, 24))

# %% [markdown]
# What does training write into such a table? MiniLM has one, 512 rows of 384 numbers, and nobody told it what a
# position is.
#
# `svd` (singular value decomposition) finds the directions in which rows differ, the
# strongest first, and what share of all difference each direction holds. Random rows differ a little in every
# direction.

# %%
model, tokenizer = load_minilm()
rows = model.embedding.position.weight.detach()[1:]  # (511, 384), without [CLS]


def directions(rows):
    """The directions in which rows differ (position, direction), strongest first; the share of each."""
    along, strength, _ = torch.linalg.svd(rows - rows.mean(dim=0), full_matrices=False)
    return along, strength.square() / strength.square().sum()


def needed(share):
    """How many directions hold nine tenths of all difference."""
    return int((share.cumsum(dim=0) < 0.9).sum()) + 1


predict("06.waves", "Of 384 directions: how many hold nine tenths of what MiniLM's table learned?")

# %%
along, share = directions(rows)
outcome("06.waves", f"{needed(share)} of {len(share)}")

# %% [markdown]
# Ten, and they are waves. Is that a formula, as in 6.2? Two controls: a *random walk*, in which each row is the
# one before and a random step, and rows all random. For the strongest ten directions of each we count (`rfft`)
# how many positions one turn takes.

# %% tags=["tells"]
step, formula = torch.randn(511, 384), sinusoidal_positions(511, 384)  # steps add up to a walk
tables = {"MiniLM": rows, "formula": formula, "random walk": step.cumsum(dim=0), "random": step}
shares = {}
for name, each in tables.items():
    along, shares[name] = directions(each)
    waves = torch.fft.rfft(along[:, :10], dim=0).abs()[1:]  # how much of 1, 2, … turns in 511
    turns = 511 / (waves.argmax(dim=0) + 1)
    print(f"{name}: nine tenths in {needed(shares[name])}; a turn takes {turns.min():.0f} or more")

# %% tags=["tells"] jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(10.5, 3.8), layout="constrained", width_ratios=[1.5, 1])
for (name, share), color, style in zip(shares.items(), CYCLE, ("o-", "s--", "^:", ".-.")):
    axes[0].plot(range(1, 21), share[:20], style, color=color, label=name, markersize=4)
axes[0].set(xlabel="direction, strongest first", ylabel="share of all difference")
axes[0].set(xticks=(1, 5, 10, 15, 20), title="MiniLM: ten directions within a factor of two")
axes[0].legend()
ring = directions(rows)[0][:120, :2]
axes[1].plot(*ring.T, ".", color=GREY, alpha=0.5, markersize=4)
axes[1].plot(*ring[8:15].T, "o-", color=CYCLE[0], linewidth=0.8)
for place in range(9, 16):
    spot = ring[place - 1] * (0.75 if place < 15 else 1.3)
    axes[1].text(*spot.tolist(), place, ha="center", va="center")
axes[1].set(xticks=[], yticks=[], aspect="equal", xlim=(-0.08, 0.08), ylim=(-0.08, 0.08))
axes[1].set(xlabel="strongest direction", ylabel="second strongest")
axes[1].set(title="Positions 1 to 120, on a ring")
show(
    fig,
    alt="Left, the share of the twenty strongest directions: MiniLM's first ten lie between 0.07 and 0.13, the rest near zero; a random "
    "walk starts at 0.6 and falls at once; the formula falls slowly; random rows are flat near zero. Right, MiniLM's positions 1 to 120 "
    "on a ring; 9 to 15, numbered, go round it once.",
)

# %% [markdown] tags=["tells"]
# Few directions and waves are no proof: a random walk needs fewer still, and its directions are waves, too. But
# a walk is one very slow wave with ever weaker ones on top. MiniLM's ten differ by *less than a factor of two*,
# then little comes, and the two strongest go round in about six positions. So it found waves, but not the paper's:
# there slow ones are strongest, and nine tenths take 72 directions.

# %% [markdown]
# ## 6.4 Turn, don't add
#
# Adding has a flaw. The word and its position become one vector, so a head that wants "the word before" has to
# learn to look past the words. And only the first layer is told directly.
#
# **Rotary positions** (*RoPE*, Su et al. 2021) leave the words alone. In *every* layer, after the projections,
# they turn the queries and the keys. Take one pair of columns. Turn the query by $p\,\theta$ if it stands at
# position $p$, and the key by its own position times $\theta$. The dot product of two vectors depends on their
# lengths and on the angle between them, so only the *difference* of the two turns counts, and with it the
# **relative position**:


# %%
def turn(pair, angle):
    """Turn points (…, 2) by angles (…): against the clock, as on paper."""
    a, b = pair.unbind(dim=-1)
    x, y = a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()
    return torch.stack([x, y], dim=-1)


theta, place = 0.4, torch.arange(12)
q, k = torch.tensor([1.2, 0.5]), torch.tensor([0.3, 1.0])
queries, keys = turn(q, place * theta), turn(k, place * theta)  # each (place, 2)
scores = queries @ keys.T  # (place of the query, place of the key)

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for ax, (i, j) in zip(axes, ((5, 2), (10, 7))):
    for vector, name, color in (
        (queries[i], f"query at {i}", CYCLE[0]),
        (keys[j], f"key at {j}", CYCLE[1]),
    ):
        ax.plot(
            *zip((0, 0), vector.tolist()), "o-", color=color, linewidth=3, markevery=[1], label=name
        )
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xlabel="column a", ylabel="column b")
    ax.set_title(f"Three apart: score {scores[i, j]:.2f}")
    ax.legend(loc="upper right")
picture = axes[2].imshow(scores, cmap=SIGNED, vmin=-1.5, vmax=1.5)
axes[2].set(xlabel="position of the key", ylabel="position of the query")
axes[2].set_title("Along each diagonal, one score")
fig.colorbar(picture, ax=axes[2])
show(
    fig,
    alt="Left, a query at position 5 and a key at position 2 as arrows; middle, the same two at positions 10 and 7, both turned "
    "further, with the same angle between them and the same score. Right, scores for twelve positions by twelve: constant along every diagonal.",
)

# %% [markdown]
# For a query at position $p$ and a key at position $s$, with $R_p$ for the turn by $p\,\theta$:
#
# $$(R_p\, q) \cdot (R_s\, k) = q \cdot (R_{s-p}\, k)$$
#
# A head is many such pairs, each with its own frequency, as in 6.2, for a width of $d_{head}$. Values are not
# turned: what is handed over should not depend on who asks from where.
#
# The clocks again, now with two hands: the query's pair and the key's. Move the first slider: both turn, the
# angle between them stays. Move the second, and it opens, at high frequencies first.

# %%
theta = rotary_frequencies(16)
position_clocks(theta, place=40, distance=3, title="A query and a key, at eight frequencies")

# %% [markdown]
# ### A test that passes a function that does nothing
#
# A popular test: put query and key at the *same* position, move both, and see that the
# score stays. Three functions take that test: the course's `Rotary`, one that does nothing, and one that turns
# by the *square* of the position. (A method takes the split queries and keys and returns both, and a third
# thing that we need in 6.5.)


# %%
def nothing(query, key):
    return query, key, None


def squares(query, key):
    """Turn by the square of the position."""
    angles = rotary_angles(torch.arange(query.shape[-2]) ** 2, 0.1 * rotary_frequencies(16))
    return rotate_half(query, angles), rotate_half(key, angles), None


def scores_of(position, n=12):
    """Scores of one query with one key, each laid at all n positions."""
    torch.manual_seed(1)
    q, k = torch.randn(2, 16)
    query, key, _ = position(q.expand(1, 1, n, 16), k.expand(1, 1, n, 16))
    return (query @ key.mT)[0, 0]  # (place of the query, place of the key)


for name, position in {"Rotary": Rotary(16), "nothing": nothing, "squares": squares}.items():
    scores = scores_of(position)
    same = [f"{scores.diagonal(-k).std():.2f}" for k in (0, 3)]
    print(
        f"{name:>8}: spread at distance 0, 3: {same[0]}, {same[1]}; across: {scores[-1].std():.2f}"
    )

# %% [markdown]
# At distance 0 nobody's score moves: all three pass. *Squares* falls at distance 3, where its scores spread.
# *Nothing* falls only when you ask whether distance matters at all.
#
# **Your turn**: `06.relative-test`.
#
# ### Which columns make a pair?
#
# The paper pairs neighbours: columns 0 and 1, 2 and 3 (**interleaved**), and so does Meta's own Llama. GPT-NeoX
# pairs column $i$ with column $i + d_{head}/2$ (**by halves**), and so does Hugging Face's port of
# Llama. Both are right:

# %% jupyter={"source_hidden": true}
angles = rotary_angles(torch.arange(6), rotary_frequencies(8))  # (place, pair)
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.8), layout="constrained")
for ax, rotate, title in (
    (axes[0], rotate_interleaved, "interleaved"),
    (axes[1], rotate_half, "by halves"),
):
    matrix = torch.stack([rotate(column[None], angles[5:6])[0] for column in torch.eye(8)], dim=1)
    picture = ax.imshow(matrix, cmap=SIGNED, vmin=-1, vmax=1)
    ax.set(title=f"{title}, position 5", xlabel="column in", ylabel="column out")
fig.colorbar(picture, ax=axes, shrink=0.8)
fig.suptitle("The same four turns, in other cells")
show(
    fig,
    alt="Two 8 by 8 matrices. Interleaved: four 2 by 2 blocks along the diagonal. By halves: the same numbers on the "
    "diagonal and on two lines four columns away from it.",
)

# %% [markdown]
# A fixed order of the columns leads from one to the other. And a model that was trained with the one and runs
# with the other?

# %%
x, order = torch.randn(1, 3, 6, 8), [0, 2, 4, 6, 1, 3, 5, 7]
ours, theirs = rotate_half(x[..., order], angles), rotate_interleaved(x, angles)[..., order]
claim("the same up to the order of the columns", torch.allclose(ours, theirs, atol=1e-6))
query, key = torch.randn(2, 1, 3, 6, 8)
right = rotate_interleaved(query, angles) @ rotate_interleaved(key, angles).mT
wrong = rotate_half(query, angles) @ rotate_half(key, angles).mT
print(f"the wrong pairing moves a score by {(right - wrong).std():.2f}", end="; ")
print(f"scores spread by {right.std():.2f}")

# %% [markdown]
# A dot product does not care about the order of its terms, so a model trained either way is as good. But one
# that is *run* with the other gets scores that are off by about as much as they vary, and no error anywhere.
# The cure is to put the columns of its $W_Q$ and $W_K$ into that order, once, head by head. The script that
# brought Llama to Hugging Face does just that, so *the same model* exists in both orders.
#
# **Your turn**: `06.rotate`.
#
# ### The number 10,000 (optional)
#
# How well does a turned vector still fit its own copy $d$ positions away? Its fast pairs soon point anywhere,
# the slow ones still agree. The average of $\cos(d\,\theta_i)$ shows it; a larger base keeps more pairs slow:


# %%
def agreement(base, d_head=64, reach=512):
    """How well a turned vector still fits its own copy, by distance."""
    distance = torch.arange(reach)[:, None]
    return (distance * rotary_frequencies(d_head, base)).cos().mean(dim=-1)  # (distance,)


fig, ax = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for base, style in ((100, ":"), (10_000, "-"), (500_000, "--")):
    ax.plot(agreement(base), style, label=f"base {base:,}")
ax.axhline(0, color=GREY, linewidth=0.8)
ax.set(xlabel="distance", ylabel="agreement with itself", title="A larger base fades later")
ax.legend()
show(
    fig,
    alt="Three curves that start at 1 and fall over 512 positions while wiggling: base 100 falls to zero within about 60 positions, "
    "base 10,000 slowly to about 0.3, base 500,000 to about 0.5.",
)

# %% [markdown]
# Would 9,000 do? Try 3.95. (Without Python: the three curves above are three positions of the slider.)


# %% tags=["nbval-ignore-output"]
@widgets.interact(
    exponent=widgets.FloatSlider(4, min=1, max=6, step=0.05, description="log₁₀ base")
)
def choose(exponent=4.0):
    fits = agreement(10**exponent)
    print(f"base {10**exponent:,.0f}")
    for d in (0, 1, 4, 16, 64, 256):
        print(f"{d:>5} apart {fits[d]:5.2f} {'█' * round(16 * max(0, float(fits[d])))}")


# %% [markdown]
# ## 6.5 A penalty for distance
#
# The third idea: leave queries and keys as they are, and add a number to each *score*, before the softmax: a
# **position bias**, one for each head, query and key. That is the third thing which a method returns.
#
# - **ALiBi** (Press et al. 2021) subtracts $m_h \cdot \text{distance}$ in head $h$. The slopes are fixed: with
#   $H$ heads, a power of two, $m_h = 2^{-8(h+1)/H}$. Some heads are shortsighted, others not. Nothing is
#   learned.
# - **T5** (Raffel et al. 2019) learns the numbers, one for each head and *bucket* of distances. Near distances
#   have a bucket each. Far ones share, in wider and wider buckets; all beyond a limit, `max_distance`, share
#   the last.

# %%
query, key = torch.randn(1, 8, 65, 4), torch.randn(1, 8, 65, 4)
bias = Alibi(num_heads=8)(query, key)[2]  # (heads, query, key)
weights = bias[:, -1].softmax(dim=-1)  # the last query, all keys fitting equally well
past = torch.arange(65)  # how far back
buckets = t5_bucket(-past, num_buckets=32, max_distance=64, bidirectional=False)

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
for h in range(8):
    axes[0].plot(past, weights[h].flip(0), color=plt.cm.viridis(h / 8), label=f"head {h}")
axes[0].set(xlabel="positions back", ylabel="weight", yscale="log", ylim=(1e-4, 1))
axes[0].set_title("ALiBi: eight heads, from shortsighted to far")
axes[0].legend(fontsize=8, ncols=2)
axes[1].step(past, buckets, where="mid", color=CYCLE[1])
axes[1].set(xlabel="positions back", ylabel="bucket", title="T5: near one by one, far in groups")
show(
    fig,
    alt="Left, attention weight over distance for eight heads on a log scale: straight lines from steep to nearly flat. "
    "Right, a staircase of bucket over distance: steps of one position up to 16, then wider and wider steps.",
)

# %% [markdown]
# **Your turn**: `06.alibi-bias`, then `06.t5-bucket`.

# %% [markdown]
# ## 6.6 Which one? (optional)
#
# One small task, six ways: guess the next letter of Shakespeare, in texts of 64 letters. Two
# layers of attention under a causal mask; only the positions differ. (Skip the text if you like, but run
# the cells for 6.7.)


# %%
text = shakespeare()[:700_000]
letters = sorted(set(text))
numbers = {letter: i for i, letter in enumerate(letters)}
ids = torch.tensor([numbers[letter] for letter in text[:500_000]])  # the rest: for choice and test


class Guesser(nn.Module):
    """Two layers of attention that guess the next letter; `added` may add positions to the letters."""

    def __init__(self, added, position):
        super().__init__()
        self.embed, self.added = nn.Embedding(len(letters), 48), added
        layers = (MultiHeadAttention(48, num_heads=4, position=position) for _ in range(2))
        self.layers, self.read = nn.ModuleList(layers), nn.Linear(48, len(letters))

    def forward(self, ids):
        x = self.added(self.embed(ids))  # (batch, seq, d_model)
        for layer in self.layers:
            x = x + layer(x, mask=causal_mask)
        return self.read(x)  # (batch, seq, letter)


# %% [markdown]
# Six models, three seeds, 800 steps each: a *study*, as in 1.5. Its rate of learning, one for all six, was
# chosen on a part of the text that serves for choosing alone. Here is its record, and sixty steps of two models:

# %%
record = study("06_positions")
print(record["command"], "· seeds", record["seeds"])
results, blind = record["results"], math.log(len(letters))  # the loss of guessing blindly
losses = {name: torch.tensor(runs) for name, runs in results["losses"].items()}  # (seed, length)
methods = ("none", "sinusoidal", "learned", "rotary", "ALiBi", "T5")
faster = study("06_rates")["results"]["losses"]  # trained again, at twice the rate


def first_losses(added, position, steps=60):
    """The first steps of the study, seed 0."""
    torch.manual_seed(0)
    model, generator = Guesser(added, position), torch.Generator().manual_seed(0)
    optimizer, losses = torch.optim.Adam(model.parameters()), []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 8e-3 * (1 - step / 800)
        start = torch.randint(len(ids) - 64, (24,), generator=generator)
        part = ids[start[:, None] + torch.arange(65)]  # (batch, seq + 1)
        loss = F.cross_entropy(model(part[:, :-1]).flatten(0, 1), part[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %%
here = {"none": first_losses(nn.Identity(), None)}  # nn.Identity adds nothing
here["rotary"] = first_losses(nn.Identity(), Rotary(12))
for name, mine in here.items():
    gap = torch.tensor(mine[:10]) - torch.tensor(record["results"]["curves"][name][:10])
    claim(f"{name}: the first 10 steps are those of the record", gap.abs().max() < 0.01)

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(11.5, 3.8), layout="constrained", width_ratios=[1.3, 1])
styles = ("-", "--", ":", "-", "-.", "--")
for row, (name, color, style) in enumerate(zip(methods, CYCLE, styles)):
    smooth = torch.tensor(results["curves"][name]).unfold(0, 10, 1).mean(dim=-1)
    broad = {"lw": 5, "alpha": 0.4} if name == "none" else {}  # "learned" runs along it
    axes[0].plot(range(5, 5 + len(smooth)), smooth, style, color=color, label=name, **broad)
    if name in here:
        axes[0].plot(here[name], ".", color=color, markersize=4)
    axes[1].plot(losses[name][:, 0], [row - 0.12] * 3, "o", color=color, alpha=0.7)
    axes[1].plot(faster[name], [row + 0.12] * 3, "o", color=color, mfc="none")
axes[0].set(
    xlabel="training step", ylabel="loss", title="Lines: record (ten-step means). Dots: yours, now"
)
axes[0].legend(fontsize=8, ncols=2)
axes[1].set_yticks(range(6), methods)
axes[1].invert_yaxis()
axes[1].set(
    xlabel="loss on new text, three seeds each", title="Twice the rate (hollow), other ranks"
)
show(
    fig,
    alt="Left, training loss over the first 200 steps: six falling lines, no positions and learned on top, rotary lowest, with dots along two of them. "
    "Right, the loss on new text at two rates of learning: none clearly worst at both, T5 and rotary among the best; learned is far from rotary at the first rate and beside it at the second.",
)

# %%
at_length = {name: losses[name][:, 0] for name in methods}
others = torch.cat([at_length[name] for name in methods[1:]])
claim("no positions: worst of all, with every seed", at_length["none"].min() > others.max())
for name in methods:
    twice = torch.tensor(faster[name])
    told = f"{name:>10}: loss {at_length[name].mean():.2f}, at twice the rate {twice.mean():.2f}"
    print(told, f"({twice.min():.2f} to {twice.max():.2f})")

pairs = torch.ones(len(letters), len(letters))  # which letter follows which, counted from 1
pairs.index_put_((ids[:-1], ids[1:]), torch.tensor(1.0), accumulate=True)
new = torch.tensor([numbers[letter] for letter in text[600_000:]])
# The letters that the study judged, each with the one before it:
part = new[torch.linspace(513, len(new), 128).long()[:, None] - 33 + torch.arange(33)]
chances = (pairs / pairs.sum(dim=1, keepdim=True))[part[:, :-1], part[:, 1:]]
print(f"pairs {-chances.log().mean():.2f}, none {at_length['none'].mean():.2f}, blind {blind:.2f}")

# %% [markdown]
# What has "none" learned? Hardly more than a table of letter pairs, which knows the last letter and nothing
# else. The leak of 6.1 is there, and in 800 steps these two layers make next to nothing of it. Positions are
# worth a lot, at either rate. Rotary and T5 are in front at both.
#
# Beware of the ranks behind. At the first rate `learned` looks like a poor method; at twice the rate it stands
# beside rotary: it was only slower to learn. A ranking at one rate is partly a ranking of rates.

# %% [markdown]
# ## 6.7 Longer than the training
#
# Six small models, one without positions and one for each method, have learned to guess the next letter in
# texts of 64 (6.6). Now each guesses *the same* 32 letters at the end of a text; only what stands before them
# gets longer, up to eight times. To work beyond what one was trained for is **extrapolation**. The paper of
# 2017 chose sines because they "may allow the model to extrapolate" (section 3.5). Press et al. (2021) measured
# that they hardly do.

# %%
predict(
    "06.longer",
    "Texts four times as long as in training. `learned` can't. Which of the other five stays level, and which is worst?",
)

# %%
four = results["lengths"].index(256)
change = {n: (losses[n][:, four] - losses[n][:, 0]).mean() for n in methods if n != "learned"}
levels = {n: losses[n][:, four].mean() for n in change}
level, worst = min(change, key=lambda n: abs(change[n])), max(levels, key=levels.get)
outcome("06.longer", f"{level} stays level, {worst} is worst")

# %% jupyter={"source_hidden": true}
print(f"256 letters: blind {blind:.2f};", *(f"{n} {loss:.2f}" for n, loss in levels.items()))
print(f"256 letters cut to the last 64: rotary {losses['rotary'][:, 0].mean():.2f}")
claim("the worst is as bad as guessing blindly", levels[worst] > 0.98 * blind)
fig, ax = plt.subplots(figsize=(8.5, 4), layout="constrained")
for name, color, style in zip(methods, CYCLE, ("s:", "^--", "X", "o-", "D-", "v-.")):
    for run in losses[name]:
        ax.plot(results["lengths"][: len(run)], run, style, color=color, alpha=0.25)
    mean = losses[name].mean(dim=0)
    size = 11 if name == "learned" else 6
    ax.plot(results["lengths"][: len(mean)], mean, style, color=color, label=name, ms=size)
ax.axhline(blind, color=GREY, linewidth=1, linestyle=(0, (5, 5)))
ax.text(62, blind + 0.03, "guessing blindly", va="bottom", fontsize=8, color=GREY)
ax.set_xscale("log", base=2)
ax.set_xticks(results["lengths"], results["lengths"])
ax.set(xlabel="letters in the text (training: 64)", ylabel="loss on the same last letters")
ax.set_title("Beyond the trained length rotary (base 10,000) breaks, ALiBi doesn't notice")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
show(
    fig,
    alt="Loss on the same letters for texts of 64 to 512 letters. ALiBi is flat, T5 rises slowly, no positions rise a little; sinusoidal "
    "jumps at once by more than 1; rotary, best at 64, climbs to the line of blind guessing at 128 to 192. Learned is a single point at 64.",
)

# %% [markdown]
# Did you bet on rotary? It is among the best at 64 letters, it is relative, and it breaks worst. So much
# for "relative, therefore it extrapolates". Sinusoidal breaks, too: the *table* has no end, but the *model* has
# never seen those rows.
#
# ALiBi stays level: at a new distance it does what it did before, only fainter. But level is not a gain: far
# letters neither harm nor help.
#
# Why does rotary break? Look at this model's six frequencies. A ring marks which angles *between* query and key
# a text of 64 letters can show. The two fastest have been all the way round, the third half of it, the others
# an arc. Then try the other two buttons.

# %%
from course_lib.nn.positions.frequencies import interpolated_frequencies, ntk_frequencies

settings = {"as trained": rotary_frequencies(12)}
settings["interpolated × 4"] = interpolated_frequencies(12, factor=4)
settings["NTK × 4"] = ntk_frequencies(12, factor=4)
title = "Six frequencies, trained on 64 letters"
position_clocks(settings, length=256, trained=64, place=200, distance=100, title=title)

# %% [markdown]
# Four meet new angles. Which breaks it? *Capped*, a pair turns no further than in training:

# %%
for name, way in product(("as trained", "NTK"), ("none", "all", "only", "all but")):
    runs = torch.tensor([run[way] for run in study("06_pairs")["results"][name]])  # (seed, pair)
    middle, spread = rounded(runs.median(dim=0).values, 2), runs.std(dim=0).max()
    print(f"{name}, {way:>7} capped, 1st to 6th pair: {middle}, spread {spread:.2f}")
bases = study("06_bases")["results"]
print("another base from the start, 256 letters of other text:", bases["develop"])
for base, runs in bases["losses"].items():
    print(f"base {base}, {bases['lengths']}: {rounded(torch.tensor(runs).mean(dim=0), 2)}")

# %% [markdown]
# The third, half of whose turn is new; slower pairs' new angles do little. So *train* with a base that leaves none
# half-way round: 1,000,000 stays nearly level to 192 (and breaks at 384). With base 10 every pair has been round,
# and still it loses: new angles are not all.
#
# **Your turn**: `06.full-turns`; then your own comparison, `06.position-study`.
#
# ### Lower frequencies (optional)
#
# That suggests a cure: lower the frequencies, so that a text four times as long stays within the old arcs.
# Linear **interpolation** (Chen et al. 2023) divides every frequency by 4. Then nothing is new, but
# neighbouring letters now stand a quarter step apart. **NTK scaling** raises the base instead, which
# divides the lowest frequency by 4, the highest not at all, and the others by something between. We change the
# frequencies of the trained models, for each length by the factor it needs:

# %% jupyter={"source_hidden": true}
cures, tuned = study("06_parts")["results"], study("06_tuning")["results"]
parts = {name: torch.tensor(runs) for name, runs in cures["losses"].items()}  # (seed, length)
ntk, linear, third, raised = (parts[n] for n in ("NTK", "interpolated", "pair 3", "NTK, chosen"))
ways = {"as it was": "rotary", "NTK": "rotary, NTK", "interpolated": "rotary, interpolated"}
ways |= {"NTK × 32": "NTK, chosen", "pair 3": "pair 3"}
colors, styles = (CYCLE[i] for i in (3, 0, 2, 5, 4)), ("o-", "s--", "^-.", "s-", "D:")
fig, axes = plt.subplots(1, 2, figsize=(11.5, 3.9), layout="constrained", width_ratios=[1.5, 1])
for (way, name), color, style in zip(ways.items(), colors, styles):
    own = name in parts  # at three lengths only
    at, runs = (cures["lengths"], parts[name]) if own else (results["lengths"], losses[name])
    axes[0].plot(at, runs.mean(dim=0), style, color=color, label=name if own else way)
    if way in tuned["0.008"]:
        after = torch.tensor([tuned[rate][way]["test"] for rate in tuned])  # (rate, seed)
        axes[1].plot(list(tuned), after, style, color=color, alpha=0.3)  # names: even steps
        axes[1].plot(list(tuned), after.mean(dim=1), style, color=color)
        best = min(range(4), key=lambda i: sum(list(tuned.values())[i][way]["develop"]))
        told = f"{way:>12}, 256 letters, 100 steps more at its own rate, {list(tuned)[best]}:"
        print(f"{told} {after[best].mean():.2f}  each seed", rounded(after[best], 2))
axes[0].set_xscale("log", base=2)
axes[0].set_xticks(results["lengths"], results["lengths"])
axes[0].set(xlabel="letters in the text", ylabel="loss")
axes[0].set_title("Third pair alone, or a base high enough: least loss")
axes[0].legend(fontsize=8)
axes[1].set(xlabel="rate", ylabel="loss", title="256 letters, 100 steps more: two end lower")
alt = """Left, loss over length: as it was it shoots up; NTK stays low until 96 and joins it at 192; interpolated
rises steadily; NTK with chosen factors and the third pair alone rise least. Right, 256 letters after 100 more steps,
by rate, three seeds: as it was starts far above interpolated and meets it at 0.008; the other two lie below both there."""
show(fig, alt)

# %%
for name, runs in parts.items():
    print(f"{name:>20} slowed: at 96, 128, 256 letters", rounded(runs.mean(dim=0), 2))
for name, powers in cures["chosen"].items():
    factors = (torch.tensor(cures["lengths"]) / 64) ** torch.tensor(powers)
    print(f"{name:>20}: factors chosen on other text", rounded(factors, 2))
claim("NTK ahead of interpolated at 96, each seed", (ntk < linear)[:, 0].all())
claim("pair 3, same factors: ahead of both, each seed", (third < torch.minimum(ntk, linear)).all())
claim("NTK, factor 32: ahead of pair 3 at 256, each seed", (raised < third)[:, 2].all())

# %% [markdown]
# For half as much text again, NTK costs less than interpolation; for four times as much it is lost: the slowest
# pair is back in its old arc, the third is not. So slow the third *alone*, or raise the base until it is back
# (factor 32): 2.62 and 2.52. Any other alone cures nothing. Trained on, *as it was* catches up with interpolation
# (a large model hardly: Chen et al.). Those two end lower; none beats the last 64 letters alone, 2.18.

# %% [markdown]
# ## 6.8 Find the bug
#
# Somebody uses MiniLM and pads on the *left*. The mask is right: no word looks at padding. How far
# (1 − cosine) does a sentence's vector move, the mean over its own tokens? For scale: the sentence without one of
# its words.


# %%
@torch.no_grad()
def vector(text, left=0, right=0):
    """MiniLM's vector for a sentence, with masked padding on either side."""
    ids, _ = encode(tokenizer, text)
    padded = F.pad(ids, (left, right), value=0)
    hidden = model(padded, padding_mask(padded, 0))[:, left : left + ids.shape[1]]
    return F.normalize(hidden.mean(dim=1), dim=-1)[0]


sentence = "The animal didn't cross the street because it was too tired"
unpadded = vector(sentence)
moved = {f"{n} in front": vector(sentence, left=n) for n in (1, 8, 64)}
moved |= {"64 behind": vector(sentence, right=64)}
moved |= {f"a missing {w}": vector(sentence.replace(f" {w}", "")) for w in ("too", "animal")}
for name, each in moved.items():
    print(f"{name:>16}: moved by {1 - each @ unpadded:.3f}")

# %% [markdown]
# One token of padding does more than the missing *too*, and less than a missing *animal*. Why? The mask hides
# it, but the *table* counts it. With eight padding tokens the sentence starts at position 8, every token
# gets another row: [CLS], too, whose row no other token ever had. The cure: count only real words. A
# relative method doesn't need it:

# %%
layer = MultiHeadAttention(24, num_heads=3, position=Rotary(8))
x = torch.randn(1, 7, 24)
real = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])  # three of padding, four words
padded = layer(x, mask=padding_mask(real, 0))[:, 3:]
claim(
    "rotary: padding in front changes nothing", torch.allclose(padded, layer(x[:, 3:]), atol=1e-5)
)

# %% [markdown]
# **Your turn**: `06.position-bug`.

# %% [markdown]
# ## Summary
#
# - Attention sees a bag of words. A causal mask leaks the order from the second layer on.
# - Sinusoidal: sines and cosines of many frequencies. Going on by $k$ is one turn, the same everywhere, and
#   needs both.
# - Learned: a table with an end. MiniLM's became waves by itself, unlike the formula's.
# - Rotary: turn queries and keys, never values. The score sees the distance alone. Two pairings, never to be
#   mixed.
# - ALiBi and T5 add a bias to the scores: fixed slopes, or learned buckets.
# - A test of a relative method asks two things: equal distances score alike, and unequal ones do not.
# - Beyond the trained length, in our study: rotary (base 10,000) and sinusoidal break, T5 bends, ALiBi stays level, a
#   table ends. Relative is not familiar. A little training there, or another base before, nearly mends rotary.
# - Count positions from the first real word.
#
# Words now know where they stand. What has to go between dozens of such layers, so that they can learn, is
# chapter 07.

# %% [markdown]
# ## Quiz

# %%
quiz("06")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>Why does a Transformer need positions, and when could it do without?</summary>
#
# Attention is permutation equivariant: reordered words get reordered outputs and nothing else, at any depth. Under a
# causal mask, though, order can be learned from the second layer on. Large models without positions do so (Haviv et
# al.); the small one of 6.6 hardly did.
#
# </details>
#
# <details><summary>Explain rotary positions to somebody who knows sinusoidal ones.</summary>
#
# The same frequencies, used by turning instead of adding. Each pair of columns of a query or key is turned by its
# position times the pair's frequency, so a score depends on the distance. It acts in every layer, and leaves the
# word's own vector alone.
#
# </details>
#
# <details><summary>Is rotary "relative", and does it therefore extrapolate?</summary>
#
# It is relative: scores depend on the distance alone. But a longer text contains longer distances, where a pair
# that saw half a turn stands at angles that training never showed. Slowing that pair and some training at
# the new length nearly mend it. ALiBi stays level without, which only says that far text does no harm: measure whether it is
# *used*.
#
# </details>
#
# <details><summary>A model's outputs got worse after its rotary code was replaced by another library's. All shapes fit. What do you check first?</summary>
#
# The pairing: interleaved or by halves. Then the base, the direction of the turn, whether positions start at 0,
# and, when writing token by token, whether the query's position is that of the newest key.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Open [exercises/06_positions.ipynb](exercises/06_positions.ipynb). Each check names your mistake if it knows it.
#
# | exercise | asks you to |
# |---|---|
# | `06.sinusoidal` | write the table of sines and cosines |
# | `06.relative-test` | write a test that no pretender passes |
# | `06.rotate` | turn queries and keys, and plug it into a real layer |
# | `06.alibi-bias` | write the penalty for distance |
# | `06.t5-bucket` | sort distances into buckets |
# | `06.full-turns` | count the pairs that go all the way round |
# | `06.position-study` | run a fair comparison: three ways, inside and outside of the trained length |
# | `06.position-bug` | count positions from the first real word |
#
# Into your box of parts go `sinusoidal_positions`, `rotary`, `alibi_bias` and `t5_bucket`.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, section 3.5 and table 3 (row E: learned or computed makes
#   hardly a difference there), arXiv:1706.03762.
# - Su et al. 2021, *RoFormer*, arXiv:2104.09864.
# - Press, Smith and Lewis 2021, *Train Short, Test Long*, arXiv:2108.12409. ALiBi and 6.7.
# - Raffel et al. 2019, *T5*, section 2.1, arXiv:1910.10683.
# - Haviv et al. 2022, arXiv:2203.16634: language models without positions learn them. Kazemnejad et al. 2023,
#   arXiv:2305.19466, compare five methods beyond the trained length.
# - Chen et al. 2023, *Positional Interpolation*, arXiv:2306.15595, and Peng et al. 2023, *YaRN*,
#   arXiv:2309.00071: NTK scaling (section 3.1) and slowing by parts (3.2).

# %% [markdown]
# ## Glossary
#
# - **positional encoding**: a vector for each position, added to the word's before the first layer.
# - **sinusoidal positions**: positional encodings by formula: sines and cosines of many frequencies (2017).
# - **frequency**: by how many radians a pair of columns turns from one position to the next.
# - **wavelength**: how many positions a full turn takes, 2π divided by the frequency.
# - **learned positional embedding**: a table of parameters, one row for each position, with a last row.
# - **rotary positions**: RoPE: queries and keys are turned by their position, so a score sees the distance alone.
# - **relative position**: where a key stands as seen from the query: a distance with a sign.
# - **interleaved**: neighbouring columns make a pair; *by halves*, columns i and i + d_head / 2 do.
# - **position bias**: a number that is added to a score, by head and relative position, before the softmax.
# - **ALiBi**: a position bias that falls with the distance, by a fixed slope for each head; nothing is learned.
# - **extrapolation**: how a model does on texts longer than those it was trained on.
# - **interpolation**: frequencies divided by a factor, so that a longer text stays within the angles of training.
