# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Why transformers
#
# **What was wrong with reading left to right?** You are doing it now, and so did most networks that translated or
# wrote, until 2017: one word after the other, with a summary in mind. Then a paper called *Attention Is All You Need*
# threw the reading order away and let all words look at each other at once. In this chapter you race the two. Some of
# what is commonly said about this race turns out to be false.
#
# After this chapter you can
#
# - write one step of a recurrent network, and say what it keeps and what it loses;
# - measure how strongly the last word depends on the first, and say what follows from it for learning;
# - count the steps from one word to another in three kinds of network;
# - say when *not* to use a Transformer.
#
# You need chapter 00: shapes, dot products, softmax. About 50 minutes.

# %%
import time
from functools import partial

import ipywidgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.plots import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    SIGNED,
    attention_map,
    training_waits,
    transformer_map,
)
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.manual_seed(0)
torch.set_num_threads(1)  # one core for each reader: a fair race
GRU_LINE = {"color": ORANGE, "linestyle": "--"}
ATTENTION_LINE = {"color": BLUE, "linestyle": "-"}
OPEN_LINE = {"color": RED, "linestyle": "-."}  # a GRU whose gate starts open

# %% [markdown]
# Today you meet the three boxes called *attention*, from outside.

# %%
attentions = ["self-attention", "masked self-attention", "cross-attention"]
alt = "The Transformer's map: the three attention boxes are lit, softmax is built."
show(transformer_map(attentions, built=["softmax"]), alt)

# %% [markdown]
# ## 1.1 Reading left to right
#
# A network computes with numbers, so each word becomes a vector, here 64 random numbers. Equal words get equal
# vectors. Their width is called `d_model`, the number of words `seq`, for *sequence*. This sentence, from the article
# with which Google's Jakob Uszkoreit presented the Transformer in 2017, goes with you through the whole course:

# %%
words = "The animal didn't cross the street because it was too tired".split()
vector = {word: torch.randn(64) for word in dict.fromkeys(w.lower() for w in words)}
x = torch.stack([vector[w.lower()] for w in words])  # (seq, d_model)
print(x.shape)

# %% [markdown]
# A **recurrent network** reads it as you do. It keeps one vector $h$, the **state**, and mixes each word into it.
# The simplest mixture has two matrices $W$ and $U$, here random, since nothing is learned yet:
#
# $$h_{t} = \tanh(W x_t + U h_{t-1})$$
#
# $\tanh$ squeezes any number into the range from −1 to 1, so that the state cannot grow without end.

# %%
W, U = torch.randn(64, 64) / 8, torch.randn(64, 64) / 8  # / 8 keeps the sums small
h = torch.zeros(64)
for word in x:
    h = torch.tanh(W @ word + U @ h)
print(h.shape)

# %% [markdown]
# This network rewrites all of $h$ at every word. A better one decides, number by number, what to keep. The **gated
# recurrent unit** (GRU, 2014) does that with two *gates*: numbers between 0 and 1, made by the function
# $\sigma(a) = 1/(1+e^{-a})$. The sign $\odot$ multiplies number by number; $h$ is now the old state and $h'$ the next.
#
# $$\begin{aligned}
# r &= \sigma(W_r x + b_r + U_r h + c_r) && \text{reset gate: how much of the old state to consult} \\
# z &= \sigma(W_z x + b_z + U_z h + c_z) && \text{update gate: how much of the old state to keep} \\
# n &= \tanh(W_n x + b_n + r \odot (U_n h + c_n)) && \text{the new content} \\
# h' &= (1 - z) \odot n + z \odot h && \text{the next state}
# \end{aligned}$$
#
# PyTorch stacks the three $W$ into one tall matrix of $3 \cdot 64 = 192$ rows, in the order $r$, $z$, $n$, and does the
# same with the $U$ and with the constants $b$ and $c$ (the *biases*). All these numbers are the network's **weights**.
# Its `nn.GRUCell` takes one step. The state's width is called `d_hidden`. (`detach` and, below, `no_grad` switch off
# bookkeeping that we need from 1.4 on.)

# %%
cell = nn.GRUCell(64, 64)
h, states = torch.zeros(64), []
for word in x:
    h = cell(word, h)
    states.append(h)
states = torch.stack(states).detach()  # (seq, d_hidden)
print(states.shape, cell.weight_ih.shape, cell.weight_hh.shape)

# %%
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
image = ax.imshow(states, cmap=SIGNED, vmin=-1, vmax=1, aspect="auto")
ax.set_yticks(range(len(words)), words)
ax.set(xlabel="number in the state", ylabel="after reading")
ax.set_title("Eleven words go into 64 numbers")
fig.colorbar(image, label="value")
show(fig, alt="Heat map of the GRU's state after each of the 11 words; every row has 64 values.")

# %% [markdown]
# The last row is *everything* this network knows about the sentence. For eleven thousand words it would be 64 numbers
# too. And each row needs the row above it.
#
# Remember these two: **a state of fixed size**, and **waiting in line**.
#
# `nn.GRU` is the same loop, run inside PyTorch. We wrap it so that it takes a text and returns all its states. In
# PyTorch a network is a class: `__init__` makes its weights, `forward` says what happens to an input, and `gru(x)` runs
# `forward`. (`keep` comes into play in 1.4. Three dots in a shape are any axes in front, such as several texts.)


# %%
class Recurrent(nn.Module):
    """A GRU read left to right: (..., seq, d_model) -> (..., seq, d_model)."""

    def __init__(self, d_model, keep=0.0):
        super().__init__()
        self.gru = nn.GRU(d_model, d_model, batch_first=True)  # shapes as below: (text, seq, …)
        with torch.no_grad():  # the update gate's share of the biases
            self.gru.bias_ih_l0[d_model : 2 * d_model] += keep

    def forward(self, x):
        states, _ = self.gru(x)  # all states; `_` is the last one once more
        return states


gru = Recurrent(64)
# The same weights as our cell has.
gru.gru.load_state_dict({f"{name}_l0": weight for name, weight in cell.state_dict().items()})
claim("nn.GRU gives the same states as our loop", torch.allclose(gru(x), states, atol=1e-6))

# %% [markdown]
# **Your turn**: `01.gru-step` in the exercises, where you write the four lines of the formula.
#
# ## 1.2 What is left of word 2?
#
# Change one word early in the sentence: "The *robot* didn't cross the street …". Right after word 2 the two states
# are far apart. Nine words later, at "tired", how far? Take the distance at word 2 as 1. (`norm` is the length of a
# vector: the root of the sum of its squares.)

# %%
changed = x.clone()
changed[1] = torch.randn(64)  # animal -> robot
with torch.no_grad():
    difference = (gru(x) - gru(changed)).norm(dim=-1)  # (seq,)
left = difference / difference[1]
print(rounded(left))

# %% [markdown]
# Every further word leaves little more than half of what was left; at the end it is less than a hundredth.

# %% [markdown]
# ## 1.3 Looking everywhere at once
#
# Attention drops the line. Every word compares itself with every word by a dot product, softmax turns the scores
# into shares, and the output is the average of the vectors in these shares. (The shares are called attention weights.
# They are made anew for each text; the network's weights stay.) Apart from three matrices and a division, that is all:


# %%
class Attention(nn.Module):
    """Every word looks at every word: (..., seq, d_model) -> (..., seq, d_model)."""

    def __init__(self, d_model):
        super().__init__()
        self.to_q = nn.Linear(d_model, d_model, bias=False)
        self.to_k = nn.Linear(d_model, d_model, bias=False)
        self.to_v = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        scores = self.to_q(x) @ self.to_k(x).mT / x.shape[-1] ** 0.5  # (..., seq, seq)
        return scores.softmax(dim=-1) @ self.to_v(x)


attention = Attention(64)
print(attention(x).shape)

# %% [markdown]
# `.mT` swaps the last two axes; `nn.Linear` holds a matrix. What the matrices and the division are for: chapters 02
# and 03. Today only the wiring counts: **no loop over words**. The same experiment, for both readers:

# %%
with torch.no_grad():
    difference = (attention(x) - attention(changed)).norm(dim=-1)
kept = difference / difference[1]
claim("at the last word attention has over 10 times as much left", kept[-1] > 10 * left[-1])

fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(left, **GRU_LINE, marker="s", label="GRU")
ax.plot(kept, **ATTENTION_LINE, marker="o", label="attention")
ax.set_xticks(range(len(words)), words, rotation=30)
ax.set(xlabel="output at this word", ylabel="difference, word 2 = 1")
ax.set_title("This GRU forgets the changed word; attention does not")
ax.legend()
alt = "GRU: the change fades to nearly 0 at the last word. Attention: up and down, never near 0."
show(fig, alt)

# %% [markdown]
# Distance plays no part for attention: "animal" is one look away from every word. Look at the far left too. Changing
# word 2 has changed the output at word *1*. Attention looks ahead, too: a help in reading, cheating in writing
# (chapter 04).

# %% [markdown]
# ## 1.4 How much of a nudge arrives
#
# Swapping a word is a big push. Networks learn from tiny ones: move one number of word $t$ by a hair, and see how
# much the last output moves. The list of these ratios, for all numbers of all words, is the **gradient**. Training
# follows it (section 1.5). Where it is 0, training does not notice that the word mattered.
#
# PyTorch computes gradients for you: `requires_grad_()` asks it to keep track of `x`, `autograd.grad` hands the ratios
# out. It needs one number to start from, so we add up the last output; and we keep one length for each word. First row
# GRU, second row attention:


# %%
def reach(read, x, at=-1):
    """How strongly the output at position `at` depends on each word: (seq, d_model) -> (seq,)."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(read(x)[at].sum(), x)  # (seq, d_model)
    return gradient.norm(dim=-1)


print(rounded(torch.stack([reach(gru, x), reach(attention, x)])))

# %% [markdown]
# Eleven words, and at "The" the GRU is down to a few thousandths of what arrives at "tired". Now a text of 100 words.
#
# **Predict first.** Take the GRU's gradient at the last word as 1. How much reaches word 1: a hundredth, a millionth?

# %%
predict("01.gradient", "What share of the gradient reaches word 1 of 100?")


# %%
def reaches(make, n=100, runs=5):
    """Five fresh networks, five random texts: (runs, seq)."""
    torch.manual_seed(1)
    return torch.stack([reach(make(), torch.randn(n, 64)) for _ in range(runs)])


by_gru, by_attention = reaches(lambda: Recurrent(64)), reaches(lambda: Attention(64))
share = (by_gru[:, 0] / by_gru[:, -1]).median()
outcome("01.gradient", f"about 10 to the power {share.log10():.0f}")

# %%
claim("GRU: less than a billionth of a billionth reaches word 1", share < 1e-18)
claim("attention: more than a hundredth", (by_attention[:, 0] / by_attention[:, -1]).min() > 0.01)
print(f"GRU: each word multiplies by about {share ** (1 / 99):.1f}")


def draw_reach(ax, runs, label, **line):
    """The middle one of the runs (median) against distance, and a band from lowest to highest."""
    runs = runs.flip(-1)  # distance 0 first
    ax.plot(runs.median(dim=0).values, label=label, **line)
    low, high = runs.amin(dim=0), runs.amax(dim=0)
    ax.fill_between(range(len(low)), low, high, color=line["color"], alpha=0.2)
    ax.set(yscale="log", xlabel="words back from the last", ylabel="gradient that arrives")


fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
draw_reach(ax, by_gru, "GRU", **GRU_LINE)
draw_reach(ax, by_attention, "attention", **ATTENTION_LINE)
ax.set_title("The GRU's gradient fades word by word; attention's is the same near and far")
ax.legend()
alt = "GRU: a straight line down by 20 powers of ten over 99 words. Attention: a flat line."
show(fig, alt)
for n in (10, 100, 1000):
    print(
        f"attention, {n:4} words: word 1 gets",
        rounded(reaches(lambda: Attention(64), n)[:, 0].median()),
    )

# %% [markdown]
# A straight line on a logarithmic axis means that each word multiplies by the same factor, here about 0.6. A product
# of a hundred such factors is nothing. This is the **vanishing gradient**. Attention has no product of steps, so its
# line is flat. Free it is not: before training, an average over $n$ words gives each about $1/n$, as the last lines show.
# That falls like a power of $n$, the GRU's falls exponentially.

# %% [markdown]
# Now the same for *every* output, not only the last: row $i$ says whose nudges reach output $i$, as shares of 1. Point
# at a word, or press the arrow keys, and see on whom it depends. First the GRU, below it attention.


# %%
def influence(read, x):
    """Row i: the share of each word in what moves output i. (seq, d_model) -> (seq, seq)."""
    rows = torch.stack([reach(read, x, at=i) for i in range(len(x))])
    return rows / rows.sum(dim=-1, keepdim=True)


for name, read in (("GRU", gru), ("Attention", attention)):
    display(attention_hover(words, influence(read, x), title=name, start=10, verb="depends on"))

# %%
fig, axes = plt.subplots(1, 2, figsize=(13, 6.4), layout="constrained")
titles = ("GRU: itself and the words just before", "Attention: everybody, near or far")
for ax, read, title in zip(axes, (gru, attention), titles, strict=True):
    attention_map(influence(read, x), words, ax=ax, title=title, values=True)
    ax.set(xlabel="nudged word", ylabel="output at this word")
alt = "GRU: bright diagonal, fading left, empty to the right. Attention: spread over all words."
show(fig, alt)

# %% [markdown]
# The GRU never looks ahead, so its map is empty above the diagonal, and it fades to the left. Attention's has no such
# shape, with random matrices.

# %% [markdown]
# Be fair to the GRU. Its update gate starts near $\sigma(0) = ½$: *keep half*, at every word. Add a constant to that
# gate's bias (our `keep`), and it keeps more from the start. Move the slider.


# %% tags=["nbval-ignore-output"]
@ipywidgets.interact(keep=(0.0, 6.0, 0.5))
def reach_when_keeping(keep=0.0):
    fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
    draw_reach(ax, reaches(lambda: Recurrent(64, keep)), f"GRU, keep = {keep}", **GRU_LINE)
    draw_reach(ax, by_attention, "attention", **ATTENTION_LINE)
    ax.set(ylim=(1e-25, 10), title=f"The gate starts near {torch.tensor(keep).sigmoid():.0%}")
    ax.legend(loc="lower left")
    return show(fig, alt=f"Gradient against distance: a GRU with keep {keep}, and attention.")


# %%
reached = {keep: reaches(lambda keep=keep: Recurrent(64, keep)) for keep in (0.0, 2.0, 4.0)}
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for (keep, runs), marker in zip(reached.items(), "s^v", strict=True):
    label = f"GRU, keep = {keep:.0f}: gate near {torch.tensor(keep).sigmoid():.0%}"
    draw_reach(ax, runs, label, **GRU_LINE, marker=marker, markevery=20)
draw_reach(ax, by_attention, "attention", **ATTENTION_LINE)
ax.set_title("One constant brings the GRU's gradient back to life")
ax.legend()

before, after = (reached[keep].median(dim=0).values for keep in (0.0, 4.0))
print(f"keep = 4: word 1 gets {after[0] / after[-1]:.0%} of what the last word gets;")
print(f"but the last word gets {after[-1] / before[-1]:.0%} of what it got with keep = 0")
alt = (
    "With keep = 0 the line falls by 20 powers of ten; with 4 it is nearly as flat as attention's."
)
show(fig, alt)

# %% [markdown]
# So the vanishing gradient is a habit, not a law. Its cure has a price: a state that keeps 98 % has room for 2 % of each
# new word, as the second line shows.
#
# **Your turn**: `01.gradient-reach`, without the shortcut of adding up the output.

# %% [markdown]
# ## 1.5 Can it learn?
#
# A gradient is only a promise. So train all three on a task where the first word decides: a row of 30 symbols out of
# 8 kinds, the first one underlined. After the last symbol, say which one was underlined. Guessing is right one time
# in eight. (`one_hot` turns symbol 3 into a row of zeros with a 1 at place 3.)


# %%
def batch(size, generator, asked=0):
    """Rows of symbols (size, 30, 9) and the underlined symbol of each row (size,)."""
    symbols = torch.randint(8, (size, 30), generator=generator)
    x = F.one_hot(symbols, 9).float()
    x[:, asked, 8] = 1.0  # the ninth number underlines the first symbol
    return x, symbols[:, asked]


class Recall(nn.Module):
    """Symbols in, one of the readers, eight scores out at the last position."""

    def __init__(self, body):
        super().__init__()
        self.embed, self.body, self.answer = nn.Linear(9, 32), body, nn.Linear(32, 8)

    def forward(self, x):
        return self.answer(self.body(self.embed(x))[:, -1])  # -1: the last position


# %% [markdown]
# Training is a loop of four moves: look at fresh examples, compute how wrong the answers are (the *loss*), ask for
# the gradient of the loss, and move every weight a little against its gradient. `Adam` does the moving (chapter 10);
# how far it goes is the *rate* of learning.


# %%
def train(make, seed, rate=0.01, steps=100, asked=0):
    """Share of right answers at each step, on examples not seen before; and the model."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, right = Recall(make()), []
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        x, symbol = batch(32, generator, asked)
        scores = model(x)
        right.append((scores.argmax(dim=-1) == symbol).float().mean())
        optimizer.zero_grad()
        F.cross_entropy(scores, symbol).backward()  # the loss, and its gradient
        optimizer.step()
    return torch.stack(right), model


# %% [markdown]
# **Predict first.** Three readers of width 32: a GRU, a GRU with `keep` = 4, and attention. Which of them are right
# more often than one time in eight after 100 steps? We train each from three different random starts (*seeds*).

# %%
predict(
    "01.recall", "Which of the three know it after 100 steps: GRU, GRU with keep = 4, attention?"
)

# %%
readers = {"GRU": lambda: Recurrent(32), "GRU, keep = 4": lambda: Recurrent(32, keep=4.0)}
readers["attention"] = lambda: Attention(32)
styles = dict(zip(readers, (GRU_LINE, OPEN_LINE, ATTENTION_LINE), strict=True))
late = {
    name: torch.stack([train(make, seed)[0][-20:].mean() for seed in range(3)])
    for name, make in readers.items()
}
outcome("01.recall", "; ".join(name for name, right in late.items() if right.min() > 0.5))

# %% [markdown]
# In numbers:

# %%
for name, right in late.items():
    print(f"{name:13} right in steps 81 to 100, three seeds:", rounded(right, 1))

# %% [markdown]
# As the gradient told us: the ordinary GRU still guesses. Many texts stop here and say that it *cannot* learn this. But
# did it have a fair chance? All three had the same rate, 0.01. Take 0.1.

# %%
predict(
    "01.rate", "The ordinary GRU, 100 steps, a rate of 0.1: how many of three seeds know symbol 1?"
)


# %%
def open_gates(model):
    """The share of the state's numbers whose update gate is above 0.95, on average over a text."""
    x, gru = model.embed(batch(32, torch.Generator().manual_seed(9))[0]), model.body.gru
    before = F.pad(model.body(x), (0, 0, 1, 0))[:, :-1]  # the state that each word finds
    from_x, from_h = (
        F.linear(x, gru.weight_ih_l0, gru.bias_ih_l0),
        F.linear(before, gru.weight_hh_l0, gru.bias_hh_l0),
    )
    z = (from_x + from_h).chunk(3, dim=-1)[1].sigmoid()  # (text, seq, d_hidden)
    return (z.mean(dim=(0, 1)) > 0.95).float().mean()


trained = [train(readers["GRU"], seed, rate=0.1) for seed in range(3)]
late = torch.stack([right[-20:].mean() for right, _ in trained])
outcome("01.rate", f"{int((late > 0.9).sum())} of 3")

# %% [markdown]
# And their gates?

# %%
print("right in steps 81 to 100:", rounded(late, 1))
new, *opened = [open_gates(m) for m in (Recall(readers["GRU"]()), *(m for _, m in trained))]
print(f"open gates in a new GRU: {new:.0%}")
claim("in each of the trained ones: over a quarter", min(opened) > 0.25)
lasts = [train(readers["GRU"], seed, rate=0.1, asked=-1) for seed in range(3)]
claim("asked for the last symbol, all know it, too", min(r[-20:].mean() for r, _ in lasts) > 0.9)
claim("with hardly a gate open", max(open_gates(model) for _, model in lasts) < 0.05)

# %% [markdown]
# It knows. Training itself has opened some gates, as `keep` did by hand, and it is the task that opens them, not the
# rate: the same GRU, asked for the *last* symbol, leaves them shut. Then what of the vanishing gradient? The rest
# takes minutes, so it was done beforehand. Such a run is a **study**: a script in `notebooks/studies` wrote a record, and
# a test repeats its first steps. Three rates for each reader, chosen on other seeds than those reported, and two ways of
# moving: `Adam`, and the plain **SGD**, where a step is the rate times the gradient.

# %%
record = study("01_first_symbol")
results = record["results"]
print(record["command"], "· seeds", record["seeds"], "· most steps", results["steps"])
for name, waits in results["waits"].items():
    at_30 = waits[results["lengths"].index(30)] if len(waits) > 1 else waits[0]
    print(f"{name:19} rate {results['best'][name]:<4} steps until 90 % are right: {at_30}")
print("GRU, Adam, other seeds, at", results["rates"]["Adam"], results["tuning"]["GRU, Adam"])
for reader in readers:
    print(
        f"{reader:13} {results['lengths'][-1]} symbols: {results['waits'][reader + ', Adam'][-1]}"
    )

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for ax, (way, most) in zip(axes, results["steps"].items(), strict=True):
    runs = {name: results["tuning"][f"{name}, {way}"] for name in readers}
    training_waits(runs, results["rates"][way], most=most, styles=styles, ax=ax, title=way)
axes[0].legend()
fig.suptitle("Whether a faint gradient is enough depends on who takes the steps")
show(fig, alt="Adam: the ordinary GRU falls from 1,800 steps to 40. SGD: not done at any rate.")

# %% [markdown]
# With `Adam` at its own best rate the ordinary GRU is as quick as attention, and at 80 symbols, too. At 0.01 it also gets
# there, after one to three thousand steps. With plain steps it is not done after 1,000 at any rate we tried, while its
# twin and attention are: a faint gradient makes a faint step. `Adam` divides each step by the usual size of the gradient
# (chapter 10), and faint becomes full.
#
# At 0.1 it is the only one of the three that learns with every seed (dots on the left).
#
# So is all well with recurrence? Remember the *two* things of section 1.1.
#
# ## 1.6 A suitcase of fixed size
#
# Pack $n$ random symbols of 8 kinds into a state of 64 numbers, and read all of them out of the last state again: with
# a matrix, fitted by least squares. For each position we take the share of right answers on new texts, on a scale where
# guessing is 0 and always right is 1. The sum of these is how many symbols come out. Of 16 symbols packed by a GRU with
# *random* weights it is a handful.
#
# **Predict first.** *Train* a GRU (`keep` = 2) and its matrix on this task, 4,000 steps. How many of 16 then?

# %%
predict("01.suitcase", "How many of 16 symbols come back out of 64 trained numbers?")

# %%
record = study("01_suitcase")
results, sizes = record["results"], record["results"]["sizes"]
came_out = {name: torch.tensor(runs) for name, runs in results.items() if "trained" in name}
outcome("01.suitcase", f"{came_out['trained'][sizes.index(16)].mean():.1f}")

# %%
print(record["command"], "· seeds", record["seeds"], "· packed", sizes)
for name, runs in came_out.items():  # (size, seed); texts: the reader was fitted on so many
    print(f"{name:33} {rounded(runs.mean(dim=1), 1)}, spread {rounded(runs.std(dim=1).max(), 1)}")

fig, ax = plt.subplots(figsize=(10, 3.6), layout="constrained")
ax.plot(sizes, sizes, **ATTENTION_LINE, label="all: what attention keeps")
for (name, runs), color in zip(
    came_out.items(), (GREEN, ORANGE, ORANGE, RED, RED, "0.4"), strict=True
):
    ax.plot(sizes, runs.mean(dim=1), "o--", color=color, label=f"GRU, {name}")
ax.set(xlabel="symbols packed", ylabel="symbols read out", xticks=sizes)
ax.set_title("How much fits into 64 numbers is a matter of training")
fig.legend(*ax.get_legend_handles_labels(), loc="outside right center")
show(
    ax,
    alt="A trained GRU gives back 16 of 16 and 19 of 32; untrained ones two to six of any number.",
)

# %% [markdown]
# Sixteen of 16, and 19 of 32 after the same 4,000 steps. Random weights say what a GRU *happens* to keep, not what it
# can. And even that is a measure of the *reader*: of 8 symbols in the same random states, a matrix finds 3.4 and a
# network of two layers 5.4. In principle 64 numbers of 32 bits have room for hundreds of symbols of 3 bits; in practice 32 were too many for
# this training, and a longer one may find more. What stays is the form: *one* size for any text.
#
# Attention takes no suitcase. It keeps the vectors of all words and looks things up when asked. That has a bill. To
# write one more word after $n$, it must still have two vectors for each word so far (which two: chapter 03). In a
# network of width 64 these are $128\,n$ numbers, beside the 64 of the state: after 1,000 words 2,000 times as many. (Chapter 18.)

# %% [markdown]
# ## 1.7 How far is it from word to word?
#
# One number explains the curves of 1.4: the **path length**, the number of steps between a word and the output that
# needs it. From word 1 to the output at word $n$:
#
# - *recurrent*: word 1 enters the state in its own step, then the state is handed on $n - 1$ times;
# - *attention*: one look, whatever $n$;
# - *convolution*: in between. A **convolutional network** (CNN) computes each output from the words in a small window,
#   the *kernel*: here the word itself and the $k - 1$ before it. One such round is a **layer**. A second layer does the
#   same with the outputs of the first, and so reaches twice as far back.
#
# How many layers until word 1 reaches word $n$? Let the gradient count. We stack layers until it arrives:


# %%
def layers_needed(n, k, growth=1):
    """Stack convolutions of width k until the last of n outputs depends on the first input."""
    x = torch.ones(1, 1, n, requires_grad=True)
    y, kernel = x, torch.ones(1, 1, k)
    for layer in range(1, n + 1):
        gap = growth ** (layer - 1)  # 1: the words of a window stand side by side
        y = F.conv1d(F.pad(y, (gap * (k - 1), 0)), kernel, dilation=gap)  # ends at the word itself
        (gradient,) = torch.autograd.grad(y[0, 0, -1], x, retain_graph=True)
        if gradient[0, 0, 0] != 0:
            return layer


for n, k in ((11, 3), (11, 5), (61, 3), (61, 7)):
    wide = layers_needed(n, k, growth=k)
    print(f"{n} words, kernel {k}: {layers_needed(n, k)} layers; with growing gaps {wide}")


# %%
def draw_path(ax, layers, step, title, **line):
    """One row of dots a layer, and the path from word 1 to the last output."""
    for layer in range(layers + 1):
        ax.plot(range(11), [layer] * 11, "o", color="lightgrey", markersize=5)
    path = [min(layer * step, 10) for layer in range(layers + 1)]
    ax.plot(path, range(layers + 1), marker="o", linewidth=2, **line)
    ax.set_xticks(range(11), words, rotation=90)
    ax.set(title=title, yticks=range(11), ylim=(-0.5, 10.5))


fig, axes = plt.subplots(1, 3, figsize=(10, 4.2), sharey=True, layout="constrained")
draw_path(axes[0], 10, 1, "recurrent: 10 steps", **GRU_LINE)
draw_path(axes[1], 5, 2, "kernel of 3: 5 layers", color=GREEN, linestyle="-.")
draw_path(axes[2], 1, 10, "attention: 1 look", **ATTENTION_LINE)
axes[0].set_ylabel("steps taken")
fig.supxlabel("word")
fig.suptitle("From “The” to “tired”: attention takes one step, the others queue")
alt = "From word 1 to word 11: 10 steps recurrent, 5 layers of convolution, 1 look of attention."
show(fig, alt)

# %% [markdown]
# The step count of recurrence grows like $n$, that of convolution like $n/(k-1)$, and attention's stays 1. In the usual
# short form: $O(n)$, $O(n/k)$ and $O(1)$. ($O$ reads "of the order of": what remains when constants are dropped.) With
# gaps in the window that grow by a factor of $k$ from layer to layer (*dilation*), a convolution gets by with $O(\log n)$:
# the last numbers above. Gradients are multiplied along the path, and work along it is done in order: a short
# path helps twice.
#
# **Your turn**: `01.path-length`.

# %% [markdown]
# ## 1.8 The clock
#
# Short paths mean work that can be done at once. First the arithmetic. In a GRU each word meets six matrices of
# $64 \times 64$. In attention each word meets three, and then each *pair* of words costs 64 multiplications twice:
# once for the score, once for the average.


# %%
def multiplications(n, d):
    """For reading n words of width d: (by a GRU, by attention)."""
    return n * 6 * d * d, n * 3 * d * d + 2 * n * n * d


for d, n in ((64, 11), (64, 96), (64, 512), (512, 100), (512, 768), (512, 10_000)):
    by_recurrence, by_looking = multiplications(n, d)
    print(f"width {d}, {n} words: attention needs {by_looking / by_recurrence:.2f} of the GRU's")

# %% [markdown]
# Who needs less is a matter of *width against length*: attention does, until the text is $1.5 \, d$ words long. Our toy
# draws level at 96 words, one of width 512, as in the paper, at 768: few sentences are that long, and the paper
# (section 4) counts on it. But it counts an attention, and so do we. A Transformer's layer adds a fourth matrix and a
# small network after it (chapters 05 and 07): $12 d^2$ for each word, twice a GRU's $6 d^2$ before any looking. The paper's table 2 has the base model at $3.3 \cdot 10^{18}$ operations for
# training, the big one at $2.3 \cdot 10^{19}$, as many as its recurrent rival GNMT (the convolutional ConvS2S: $9.6 \cdot
# 10^{18}$). These numbers were estimated from hours on graphics cards: they hold the clock, too.
#
# **Predict first.** And by the clock? Width 64, 512 words, far past that point. Which of the two is faster?

# %%
predict(
    "01.clock", "Which reads one text of 512 words faster, on one core? And 32 such texts at once?"
)


# %%
@torch.no_grad()
def milliseconds(work, repeats=3):
    """The best of a few runs, so that a busy machine disturbs little."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def in_one_call(x):
    """The same attention, by PyTorch's own function."""
    return F.scaled_dot_product_attention(attention.to_q(x), attention.to_k(x), attention.to_v(x))


lengths = {1: [2**i for i in range(2, 13)], 32: [2**i for i in range(2, 10)]}  # by number of texts
racers = {"GRU": gru, "attention": attention, "attention, one call": in_one_call}

# %%
clock = {}  # milliseconds, by racer and number of texts, by words in a text
for count, places in lengths.items():
    for n in places:
        x_n = torch.randn(count, n, 64)
        for name, read in racers.items():
            clock.setdefault((name, count), {})[n] = milliseconds(partial(read, x_n))

winners = {}  # by number of texts: the first word of the fastest racer's name
for count in lengths:
    winners[count] = min(racers, key=lambda name: clock[name, count][512]).split(",")[0]
outcome("01.clock", "; ".join(f"{count} at once: {winner}" for count, winner in winners.items()))

# %%
ahead = clock["GRU", 1][128] > 3 * clock["attention", 1][128]
claim("one text of 128 words: attention is over 3 times faster", ahead)
claim("one text of 512 words: attention is faster", winners[1] == "attention")
claim("32 texts of 512 words: the GRU is faster", winners[32] == "GRU")

fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", sharey=True)
racer_lines = {"GRU": GRU_LINE, "attention": ATTENTION_LINE}
racer_lines["attention, one call"] = ATTENTION_LINE | {"linestyle": ":"}
for (name, count), times in clock.items():
    ax = axes[0] if count == 1 else axes[1]
    ax.loglog(times.keys(), times.values(), label=name, marker=".", **racer_lines[name])
for ax, places in zip(axes, lengths.values(), strict=True):
    ax.axvline(96, color="black", linestyle="-.", linewidth=1, label="96 words: equal arithmetic")
    ax.set(xlabel="words in a text")
    ax.set_xticks(places, places, rotation=60)
axes[0].set(ylabel="milliseconds", title="One text: the GRU waits in line")
axes[1].set(title="32 texts at once: each step has enough to do")
axes[0].legend()
alt = """Time over length, both axes logarithmic. One text: attention far below the GRU, until the lines
meet in the thousands. 32 texts: attention below on short texts, above at 512 words."""
show(fig, alt)

# %% [markdown]
# With one text the $n^2$ bites far later than the multiplications say; with 32 texts much nearer to where they say. The
# GRU's steps wait for each other, and with one text a step is tiny: one vector, one matrix. Each call has a fixed price,
# and the matrix must be fetched for one vector. Thirty-two texts share both. The same in small, with equal arithmetic:

# %%
text, matrix = torch.randn(1024, 64), torch.randn(64, 64)
copies = matrix.repeat(1024, 1, 1)
in_line = milliseconds(lambda: [row @ matrix for row in text], 20)
each = matrix.expand(1024, 64, 64)  # 1,024 small products in one call, in C:
one_call = milliseconds(lambda: torch.bmm(text[:, None], each), 20)
at_once = milliseconds(lambda: text @ matrix, 20)
claim("1,024 calls: over 3 times the time of one call for the same", in_line > 3 * one_call)
claim("and this one takes longer than one large product", one_call > at_once)

# %% [markdown]
# Most of it is the price of a call from Python; the rest is arithmetic *per number fetched*. That is what *parallel
# training* means: pieces large enough to keep a machine busy.
#
# Writing is another matter. A text that does not exist yet cannot be read at once; words come one by one, in both
# networks. What does *one more* word cost, with 4 to 4,096 words already there? We take width 256:

# %%
wide, query = nn.GRUCell(256, 256), torch.randn(1, 256)
to_q, to_k, to_v = (nn.Linear(256, 256, bias=False) for _ in range(3))


def next_word(keys, values):
    """One word looks back at all words kept (16 is the root of 256); makes its own two vectors."""
    to_k(query), to_v(query)
    return (to_q(query) @ keys.T / 16).softmax(dim=-1) @ values


pairs = [(torch.randn(n, 256), torch.randn(n, 256)) for n in (4, 4096)]
step_time = [milliseconds(lambda pair=pair: next_word(*pair), 30) for pair in pairs]
gru_step_time = milliseconds(lambda: wide(query, query), 30)
claim("after 4,096 words: over twice the price of after 4", step_time[-1] > 2 * step_time[0])
claim("and dearer than a step of the GRU", step_time[-1] > gru_step_time)

# %% [markdown]
# In a long chat the old words have to be gone through again for every new one.
#
# ## 1.9 Which one, when?
#
# One more item for the bill. A GRU knows the order of the words, because it read them in order. Does attention?

# %%
order = torch.cat([torch.randperm(10), torch.tensor([10])])  # shuffle all but the last word
with torch.no_grad():
    moved = {read: (read(x)[-1] - read(x[order])[-1]).norm() for read in (gru, attention)}
claim("words shuffled: attention's last output stays as it was", moved[attention] < 1e-5)
claim("the GRU's changes", moved[gru] > 0.01)

# %% [markdown]
# It does not; chapter 06 gives it positions. The whole comparison, with the section that measured it in brackets:
#
# | | recurrent (GRU, or its older relative LSTM) | convolution | attention (Transformer) |
# |---|---|---|---|
# | steps from word 1 to word $n$ | $n-1$ (1.7) | $(n-1)/(k-1)$, rounded up; fewer with gaps (1.7) | 1 (1.7) |
# | gradient from far away | fades, unless the gates are open (1.4); training can open them (1.5) | exactly 0 beyond its layers (1.7) | arrives, before training about $1/n$ (1.4) |
# | reading one text in parallel | no: $n$ steps in line (1.8) | yes, a few layers | yes, a few products (1.8) |
# | work for $n$ words | $6nd^2$ (1.8) | grows like $n$ | $3nd^2 + 2n^2d$: less up to $n = 1.5\,d$ (1.8) |
# | kept while writing | one state, whatever $n$ (1.6) | the last $k-1$ words of each layer | every word (1.6) |
# | what it can look up later | what fitted into the state (1.6) | what is in the window | everything it kept (1.6) |
# | order of the words | built in (1.9) | built in | has to be added (1.9) |

# %% [markdown]
# And what to do with it:
#
# | you want to | take | because |
# |---|---|---|
# | classify texts, find names, answer from a page | a Transformer that reads both ways (chapter 14) | every word can use every other |
# | write, chat, complete code | a Transformer that reads only back (13) | trained in parallel; looks up anything said before |
# | translate, summarise | one that reads and one that writes (09, 15) | the writer looks at the reader's notes |
# | label images | patches as words (16), or a convolution if you have few images | a convolution knows from the start that neighbours belong together |
# | run on a small device, or follow an endless stream | a recurrent network, or a shrunken Transformer (19, 22) | one state of fixed size, whatever the length |

# %% [markdown]
# **For the Transformer**: it trains in parallel, reaches any distance in one step, is one architecture for text, images
# and sound, and comes pretrained. **Against it**: work grows with $n^2$ and memory with $n$, on images it needs more data
# than a convolution (chapter 16), order must be added, and its reasons are hard to read (chapter 23 tries). The race goes on: newer recurrent networks
# drop the $\tanh$ between steps and train in parallel, too.

# %% [markdown]
# ## Summary
#
# - A recurrent network carries a **state of fixed size** and reads **in line**.
# - Its gradient shrinks with every word; from 100 words back almost nothing arrives at the start. Whether that is too
#   little depends on who takes the steps: 1,000 plain ones were not enough, of Adam's some 40 or some 2,000, by the
#   rate. With a gate that starts open plain ones do as well.
# - A state of 64 numbers gave back 2 to 6 symbols untrained, depending on the reader, and 16 of 16 trained. Where its
#   limit lies is a matter of training. Attention keeps everything and pays for it in memory.
# - Attention is one step from every word to every word. By itself it needs *less* arithmetic than a GRU up to $1.5\,d$
#   words, and comes as a few large products: a head start where the GRU's steps are too small for the machine.
# - It loses on very long texts, gets dearer with every word it writes, and does not know the order of words.

# %% [markdown]
# ## Quiz

# %%
quiz("01")

# %% [markdown]
# ## Interview questions
#
# <details><summary>Why did Transformers replace recurrent networks?</summary>
#
# Training is parallel over positions: a recurrent network needs $n$ dependent steps for $n$ words, attention a few
# large matrix products; on sentences shorter than the model is wide, the attention itself is not even more arithmetic. And any two
# words are one step apart, so information and gradients do not have to survive $n$ multiplications, nor squeeze through a
# state of fixed size. The price is work that grows with $n^2$ and memory that grows with $n$.
# </details>
#
# <details><summary>Do GRUs and LSTMs solve the vanishing gradient?</summary>
#
# They can. Along the state the gradient is multiplied mainly by the gate that keeps the old state. If that gate is near
# 1, the product stays near 1. With usual starting values it is near ½, and the gradient fades. That is not the end:
# with Adam and a fitting rate, training opened the gates by itself (1.5). Opening them at the start (a positive bias) is
# a known remedy, and saves the search. What remains is
# the fixed size of the state and the work in line.
# </details>
#
# <details><summary>When would you not use a Transformer?</summary>
#
# When the input is an endless stream and memory is small (a fixed state wins), when only close neighbours matter and data
# are few (a convolution has that built in), or when texts are so long that $n^2$ is out of reach.
# </details>

# %% [markdown]
# ## Exercises
#
# In [`exercises/01_why_transformers.ipynb`](exercises/01_why_transformers.ipynb):
#
# - `01.gru-step`: write one step of a GRU from its four lines.
# - `01.gradient-reach`: measure how strongly the whole last state depends on each word.
# - `01.path-length`: count the steps from word 1 to word $n$ in all three networks.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762). Table 1: our 1.7.
# - Cho et al. 2014, *Learning Phrase Representations using RNN Encoder–Decoder*,
#   [arXiv:1406.1078](https://arxiv.org/abs/1406.1078). The GRU.
# - Pascanu, Mikolov, Bengio 2012, *On the difficulty of training recurrent neural networks*,
#   [arXiv:1211.5063](https://arxiv.org/abs/1211.5063). Why gradients vanish and explode.
# - Bahdanau, Cho, Bengio 2014, *Neural Machine Translation by Jointly Learning to Align and Translate*,
#   [arXiv:1409.0473](https://arxiv.org/abs/1409.0473). Attention added to a recurrent network, three years before.
# - Uszkoreit 2017, *Transformer: A Novel Neural Network Architecture for Language Understanding*, Google's blog: our
#   sentence, and its twin.
# - Kalchbrenner et al. 2016, *Neural Machine Translation in Linear Time*,
#   [arXiv:1610.10099](https://arxiv.org/abs/1610.10099): convolutions with growing gaps, before 2017.
# - Jozefowicz, Zaremba, Sutskever 2015, *An Empirical Exploration of Recurrent Network Architectures*: the open gate.
# - Jelassi et al. 2024, *Repeat After Me*, [arXiv:2402.01032](https://arxiv.org/abs/2402.01032). The suitcase, on large
#   models.
# - Gu, Dao 2023, *Mamba*, [arXiv:2312.00752](https://arxiv.org/abs/2312.00752). Recurrence that trains in parallel.
