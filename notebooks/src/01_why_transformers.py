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
# **What was wrong with reading left to right?** You are doing it now, and so did every good language network until
# 2017: one word after the other, with a summary in mind. Then a paper called *Attention Is All You Need* threw the
# reading order away and let all words look at each other at once. In this chapter you race the two. Some of what is
# commonly said about this race turns out to be false.
#
# After this chapter you can
#
# - write one step of a recurrent network, and say what it keeps and what it loses;
# - measure how strongly the last word depends on the first, and say why that decides what can be learned;
# - count the steps from one word to another in three kinds of network;
# - say when *not* to use a Transformer.
#
# You need chapter 00: shapes, dot products, softmax. About 50 minutes.

# %%
import time

import ipywidgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.plots import BLUE, GREEN, ORANGE, SIGNED, attention_map, transformer_map
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.manual_seed(0)
torch.set_num_threads(1)  # one core for each reader: a fair race
GRU_LINE = {"color": ORANGE, "linestyle": "--"}
ATTENTION_LINE = {"color": BLUE, "linestyle": "-"}

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
# vectors. Their width is called `d_model`, the number of words `seq`, for *sequence*. This sentence goes with you
# through the whole course:

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
# Read it from top to bottom. The last row is *everything* this network knows about the sentence. For eleven thousand
# words it would be 64 numbers too. And no row can be computed before the row above it is there.
#
# Remember these two: **a state of fixed size**, and **waiting in line**.

# %% [markdown]
# `nn.GRU` is the same loop, run inside PyTorch. We wrap it so that it takes a text and returns all its states. In
# PyTorch a network is a class: `__init__` makes its weights, `forward` says what happens to an input, and `gru(x)` runs
# `forward`. (`keep` comes into play in 1.4. Three dots in a shape are any axes in front, such as several texts.)


# %%
class Recurrent(nn.GRU):
    """A GRU read left to right: (..., seq, d_model) -> (..., seq, d_model)."""

    def __init__(self, d_model, keep=0.0):
        super().__init__(d_model, d_model, batch_first=True)  # shapes as below: (text, seq, …)
        with torch.no_grad():
            self.bias_ih_l0[d_model : 2 * d_model] += keep  # the update gate's share of the biases

    def forward(self, x):
        return super().forward(x)[0]  # all states; [1] is the last one once more


gru = Recurrent(64)
# The same weights as our cell has.
gru.load_state_dict({f"{name}_l0": weight for name, weight in cell.state_dict().items()})
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
# Every further word leaves little more than half of what was left; at the end it is less than a hundredth. The weights
# are random, and training will change them. But training has to start from here.

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
        self.to_q, self.to_k, self.to_v = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(3)
        )

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
ax.set_title("The GRU forgets the changed word; attention does not")
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
# follows it (section 1.5). Where it is 0, the network cannot notice that the word mattered, and cannot learn it.
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
claim("GRU: less than a billionth of a billionth reaches word 1", share < 1e-18)
claim("attention: more than a hundredth", (by_attention[:, 0] / by_attention[:, -1]).min() > 0.01)
print(f"GRU: each word multiplies by about {share ** (1 / 99):.1f}")
outcome("01.gradient", f"about 10 to the power {share.log10():.0f}")


# %%
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
ax.set_title("The GRU's gradient dies word by word; attention's does not care")
ax.legend()
alt = "GRU: a straight line down by 20 powers of ten over 99 words. Attention: a flat line."
show(fig, alt)

# %% [markdown]
# A straight line on a logarithmic axis means that each word multiplies by the same factor, here about 0.6. A product
# of a hundred such factors is nothing. This is the **vanishing gradient**. Attention has no product of steps, so its
# line is flat.

# %% [markdown]
# Now the same for *every* output, not only the last: row $i$ says whose nudges reach output $i$, as shares of 1. Point
# at a word, or press the arrow keys, and see on whom it depends. First the GRU, below it attention.


# %%
def influence(read, x):
    """Row i: the share of each word in what moves output i. (seq, d_model) -> (seq, seq)."""
    rows = torch.stack([reach(read, x, at=i) for i in range(len(x))])
    return rows / rows.sum(dim=-1, keepdim=True)


shares = {"GRU": influence(gru, x), "Attention": influence(attention, x)}
for name, rows in shares.items():
    display(attention_hover(words, rows, title=name, start=10, verb="depends on"))

# %%
fig, axes = plt.subplots(1, 2, figsize=(13, 6.4), layout="constrained")
titles = ("GRU: itself and the words just before", "Attention: everybody, near or far")
for ax, rows, title in zip(axes, shares.values(), titles, strict=True):
    attention_map(rows, words, ax=ax, title=title, values=True)
    ax.set(xlabel="nudged word", ylabel="output at this word")
alt = "GRU: bright diagonal, fading left, empty to the right. Attention: spread over all words."
show(fig, alt)

# %% [markdown]
# The GRU's map is empty above the diagonal, since it never looks ahead, and fades to the left of it. Attention's has
# no such shape. Its matrices are random here; what trained ones look at is for chapter 03.

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
claim("keep = 4: word 1 gets over 1 % of what the last word gets", after[0] > 0.01 * after[-1])
claim("but the last word gets less than a fifth of before", after[-1] < before[-1] / 5)
alt = "With keep = 0 the line falls by 20 powers of ten; with 4 it is as flat as attention's."
show(fig, alt)

# %% [markdown]
# So the vanishing gradient is a habit, not a law: a GRU whose gate starts open can look far back. It has a price. A
# state that keeps 98 % has room for 2 % of each new word, which is what the second claim measures.
#
# **Your turn**: `01.gradient-reach`, without the shortcut of adding up the output.

# %% [markdown]
# ## 1.5 Can it learn?
#
# A gradient is only a promise. So train all three on a task where the first word decides: a row of 30 symbols out of
# 8 kinds, the first one underlined. After the last symbol, say which one was underlined. Guessing is right one time
# in eight. (`one_hot` turns symbol 3 into a row of zeros with a 1 at place 3.)


# %%
def batch(size, generator):
    """Rows of symbols (size, 30, 9) and the underlined symbol of each row (size,)."""
    symbols = torch.randint(8, (size, 30), generator=generator)
    x = F.one_hot(symbols, 9).float()
    x[:, 0, 8] = 1.0  # the ninth number underlines the first symbol
    return x, symbols[:, 0]


class Recall(nn.Module):
    """Symbols in, one of the readers, eight scores out at the last position."""

    def __init__(self, body):
        super().__init__()
        self.embed, self.body, self.answer = nn.Linear(9, 32), body, nn.Linear(32, 8)

    def forward(self, x):
        return self.answer(self.body(self.embed(x))[:, -1])  # -1: the last position


# %% [markdown]
# Training is a loop of four moves: look at fresh examples, compute how wrong the answers are (the *loss*), ask for
# the gradient of the loss, and move every weight a little against its gradient. `Adam` does the moving (chapter 10).


# %%
def train(make, seed, steps=100):
    """Share of right answers at each step, on examples not seen before."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, right = Recall(make()), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        x, symbol = batch(32, generator)
        scores = model(x)
        right.append((scores.argmax(dim=-1) == symbol).float().mean())
        optimizer.zero_grad()
        F.cross_entropy(scores, symbol).backward()  # the loss, and its gradient
        optimizer.step()
    return torch.stack(right)


# %% [markdown]
# **Predict first.** Three readers of width 32: a GRU, a GRU with `keep` = 4, and attention. Which of them are right
# more often than one time in eight after 100 steps? We train each from three different random starts (*seeds*).

# %%
predict("01.recall", "Which of the three learn it: GRU, GRU with keep = 4, attention?")

# %%
readers = {
    "GRU": lambda: Recurrent(32),
    "GRU, keep = 4": lambda: Recurrent(32, keep=4.0),
    "attention": lambda: Attention(32),
}
right = {
    name: torch.stack([train(make, seed) for seed in range(3)]) for name, make in readers.items()
}
final = {name: runs[:, -20:].mean(dim=-1) for name, runs in right.items()}
claim("GRU: near guessing, all seeds", final["GRU"].max() < 0.3)
claim("GRU, keep = 4: over 90 % right, all seeds", final["GRU, keep = 4"].min() > 0.9)
claim("attention: over 90 % right, all seeds", final["attention"].min() > 0.9)
outcome("01.recall", "GRU with keep = 4, and attention")

# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
for ax, (name, runs) in zip(axes, right.items(), strict=True):
    line = ATTENTION_LINE if name == "attention" else GRU_LINE
    ax.plot(runs.unfold(1, 10, 1).mean(dim=-1).T, **line)  # averages over 10 steps
    ax.axhline(1 / 8, color="black", linestyle=":", linewidth=1)
    ax.set(title=name, xlabel="training step", ylim=(0, 1.05))
axes[0].set_ylabel("share of right answers")
fig.suptitle("A forgetful GRU has not found symbol 1 after 100 steps (3 seeds; dotted: guessing)")
alt = "Right answers over training steps: GRU at 1/8 throughout; the other two rise to 1."
show(fig, alt)

# %% [markdown]
# The gradient told us beforehand. The ordinary GRU is not too weak for the task: it is the same network as its twin,
# with one constant changed. Too little gradient arrives from word 1 to start learning within these 100 steps.
#
# So is all well with recurrence, once the gate is open? Remember the *two* things of section 1.1.

# %% [markdown]
# ## 1.6 A suitcase of fixed size
#
# Pack $n$ random symbols of 8 kinds into a state of 64 numbers. How many can be read out again? As the reader we take
# the best matrix there is from states to symbols, computed in one go on 1,000 texts and tested on 500 others.
# (`lstsq` finds it: *least squares*.) For each position we take the share of right answers, on a scale where guessing
# is 0 and always right is 1. The sum of these over all positions is how many symbols come out.


# %%
@torch.no_grad()
def recalled(keep, n, size=1500):
    """For each position, the share of symbols that can be read from the last state, above guessing."""
    torch.manual_seed(2)
    symbols = torch.randint(8, (size, n))
    state = Recurrent(64, keep)(torch.randn(8, 64)[symbols])[:, -1]  # (size, 64)
    state = torch.cat([state, torch.ones(size, 1)], dim=1)
    wanted = F.one_hot(symbols, 8).float().flatten(1)  # (size, n * 8)
    matrix = torch.linalg.lstsq(state[:1000], wanted[:1000]).solution
    found = (state[1000:] @ matrix).view(-1, n, 8).argmax(dim=-1)
    hits = (found == symbols[1000:]).float().mean(dim=0)
    return (hits - 1 / 8) / (1 - 1 / 8)


# %% [markdown]
# **Predict first.** 64 symbols go into a state of 64 numbers. How many come out, when the gate keeps half (`keep` = 0)
# and when it keeps nearly all (`keep` = 4)?

# %%
predict("01.suitcase", "How many of 64 symbols can be read out again?")

# %%
sizes = (4, 8, 16, 32, 64)
packed = {keep: [recalled(keep, n) for n in sizes] for keep in (0.0, 4.0)}
counts = {keep: [float(hits.sum()) for hits in runs] for keep, runs in packed.items()}
claim("at most 8 come out, however many go in", max(counts[0.0] + counts[4.0]) < 8)
first, last = packed[0.0][-1][[0, -1]]
claim("keep = 0: the last symbol is safe, the first is gone", first < 0.1 and last > 0.9)
outcome("01.suitcase", f"{counts[0.0][-1]:.0f} (keep = 0), {counts[4.0][-1]:.0f} (keep = 4)")

# %%
fig, (where, how_many) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
for (keep, runs), marker in zip(packed.items(), "sv", strict=True):
    style = GRU_LINE | {"marker": marker, "markersize": 4, "label": f"GRU, keep = {keep:.0f}"}
    where.plot(range(1, 33), runs[3], **style)
    how_many.plot(sizes, counts[keep], **style)
how_many.plot(sizes, sizes, **ATTENTION_LINE, label="all of them: what attention keeps")
where.set(xlabel="position of the symbol, of 32", ylabel="share read out", ylim=(-0.05, 1.05))
where.set_title("The gate chooses which symbols survive …")
how_many.set(xlabel="symbols packed", ylabel="symbols read out", title="… but hardly how many")
where.legend(loc="upper left")
how_many.legend(loc="upper left")
alt = "Left: keep 0 holds the last few of 32, keep 4 a little of all. Right: 2 to 6 of up to 64 come out."
show(fig, alt)

# %% [markdown]
# A gate can give its room to the last words or spread it over all. It can hardly make more room. Training may teach a
# GRU to pack better (not measured here); its suitcase remains 64 numbers.
#
# Attention takes no suitcase. It keeps the vectors of all words and looks things up when asked. That has a bill. To
# write one more word after $n$, it must still have two vectors for each word so far (which two: chapter 03):

# %%
state = torch.zeros(64)
for n in (11, 1_000, 100_000):
    kept = torch.zeros(2, n, 64)
    print(f"{n:7,} words: state {state.nbytes} bytes, kept vectors {kept.nbytes:,} bytes")

# %% [markdown]
# That is one small network. Chapter 18 is about nothing but this bill.
#
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
def layers_needed(n, k):
    """Stack convolutions of width k until the last of n outputs depends on the first input."""
    x = torch.ones(1, 1, n, requires_grad=True)
    y, kernel = x, torch.ones(1, 1, k)
    for layer in range(1, n + 1):
        y = F.conv1d(F.pad(y, (k - 1, 0)), kernel)  # the window ends at the word itself
        (gradient,) = torch.autograd.grad(y[0, 0, -1], x, retain_graph=True)
        if gradient[0, 0, 0] != 0:
            return layer


for n, k in ((11, 3), (11, 5), (61, 3), (61, 7)):
    print(f"{n} words, kernel {k}: {layers_needed(n, k)} layers")


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
# short form: $O(n)$, $O(n/k)$ and $O(1)$. ($O$ reads "of the order of": what remains when constants are dropped.)
# Gradients are multiplied along the path, and work along a path must be done in order. So a short path helps twice.
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


for n in (11, 96, 1_000, 10_000):
    by_recurrence, by_looking = multiplications(n, 64)
    print(f"{n:6,} words: GRU {by_recurrence:11,}  attention {by_looking:14,}")

# %% [markdown]
# On short texts attention needs *fewer* multiplications, at 96 words ($1.5 \times 64$) it draws level, and after that
# its $n^2$ takes over.
#
# **Predict first.** And by the clock? At 512 words, far past that point, which of the two is faster?

# %%
predict("01.clock", "Which reads 512 words faster, on one core?")


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


lengths = [2**i for i in range(2, 13)]
texts = {n: torch.randn(n, 64) for n in lengths}
gru_time = {n: milliseconds(lambda text=text: gru(text)) for n, text in texts.items()}
attention_time = {n: milliseconds(lambda text=text: attention(text)) for n, text in texts.items()}
growth = [clock[4096] / clock[1024] for clock in (gru_time, attention_time)]
claim("128 words: attention is over 3 times faster", gru_time[128] > 3 * attention_time[128])
claim("512 words: attention is faster", gru_time[512] > attention_time[512])
claim("from 1,024 to 4,096 words attention's time grows more", growth[1] > growth[0])
outcome("01.clock", "attention")

# %%
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.loglog(lengths, gru_time.values(), **GRU_LINE, marker="s", label="GRU")
ax.loglog(lengths, attention_time.values(), **ATTENTION_LINE, marker="o", label="attention")
ax.axvline(96, color="black", linestyle=":", label="96 words: equal multiplications")
ax.set(xlabel="words in the text", ylabel="milliseconds", xticks=lengths, xticklabels=lengths)
ax.set_title("The clock gives attention far more room than the arithmetic")
ax.legend()
show(fig, alt="GRU: a straight line. Attention: far below, bends up, meets it in the thousands.")

# %% [markdown]
# The $n^2$ does bite, but far later than the multiplications say. The reason is the line in which the GRU waits. It
# multiplies one vector by a matrix, then the next vector by the same matrix, a thousand times. Attention multiplies a
# thousand vectors in *one* call. Take only that difference, with equal multiplications on the same core:

# %%
text, matrix = torch.randn(1024, 64), torch.randn(64, 64)
in_line = milliseconds(lambda: [row @ matrix for row in text])
at_once = milliseconds(lambda: text @ matrix)
claim("a thousand small products take over 5 times as long as one large one", in_line > 5 * at_once)

# %% [markdown]
# This is what *parallel training* means: large pieces that keep a machine busy, and a graphics card with its thousands
# of cores most of all (not measured here). The Transformer did not win by computing less.
#
# Writing is another matter. A text that does not exist yet cannot be read at once; words come one by one, in both
# networks. What does *one more* word cost, with $n$ words already there? We take width 256:

# %%
wide, query = nn.GRUCell(256, 256), torch.randn(1, 256)
to_q, to_k, to_v = (nn.Linear(256, 256, bias=False) for _ in range(3))


def next_word(keys, values):
    """One word looks back at all words kept (16 is the root of 256); makes its own two vectors."""
    to_k(query), to_v(query)
    return (to_q(query) @ keys.T / 16).softmax(dim=-1) @ values


pairs = [(torch.randn(n, 256), torch.randn(n, 256)) for n in lengths]
step_time = [milliseconds(lambda pair=pair: next_word(*pair), 30) for pair in pairs]
gru_step_time = milliseconds(lambda: wide(query, query), 30)
claim("after 4,096 words: over twice the price of after 4", step_time[-1] > 2 * step_time[0])

# %%
fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.semilogx(lengths, [gru_step_time] * len(lengths), **GRU_LINE, label="GRU: needs only its state")
ax.semilogx(lengths, step_time, **ATTENTION_LINE, marker="o", label="attention")
ax.set(xlabel="words so far", ylabel="milliseconds for one more", ylim=(0, None))
ax.set_xticks(lengths, lengths)
ax.set_title("One more word: one price for the GRU, a rising one for attention")
ax.legend()
show(fig, alt="GRU: a level line. Attention: a line that climbs with the number of words.")

# %% [markdown]
# In a long chat the old words have to be gone through again for every new one. The GRU pays nothing for its past,
# since it has forgotten most of it.
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
# | steps from word 1 to word $n$ | $n-1$ (1.7) | $(n-1)/(k-1)$, rounded up (1.7) | 1 (1.7) |
# | gradient from far away | dies, unless the gates start open (1.4) | exactly 0 beyond its layers (1.7) | arrives (1.4) |
# | reading in parallel | no: $n$ steps in line (1.8) | yes, a few layers | yes, one product (1.8) |
# | work for $n$ words | grows like $n$ (1.8) | grows like $n$ | grows like $n^2$ (1.8) |
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
# **For the Transformer**: it trains in parallel, reaches any distance in one step, is one architecture for text,
# images and sound, and comes pretrained. **Against it**: work grows with $n^2$ and memory with $n$, it needs a lot of
# data because it assumes so little, order must be added, and its reasons are hard to read (chapter 23 tries).
#
# The race goes on: newer recurrent networks drop the $\tanh$ between steps, so that they train in parallel, too.

# %% [markdown]
# ## Summary
#
# - A recurrent network carries a **state of fixed size** and reads **in line**.
# - Its gradient shrinks with every word. From 100 words back almost nothing arrives, and a task that hangs on the first
#   word is not learned. A gate that starts open mends this, and only this.
# - A state of 64 numbers gave back a handful of symbols, however many went in. Attention keeps everything and pays
#   for it in memory.
# - Attention is one step from every word to every word. It often needs more multiplications and still finishes first,
#   because they come as a few large products.
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
# large matrix products. And any two words are one step apart, so information and gradients do not have to survive
# $n$ multiplications, nor squeeze through a state of fixed size. The price is work that grows with $n^2$ and memory that
# grows with $n$.
# </details>
#
# <details><summary>Do GRUs and LSTMs solve the vanishing gradient?</summary>
#
# They can. Along the state the gradient is multiplied mainly by the gate that keeps the old state. If that gate is near
# 1, the product stays near 1. With usual starting values it is near ½, and the gradient dies. Opening the gate at the
# start (a positive bias) is a known remedy. What remains is the fixed size of the state and the work in line.
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
# - Jelassi et al. 2024, *Repeat After Me*, [arXiv:2402.01032](https://arxiv.org/abs/2402.01032). The suitcase, on
#   trained models.
# - Gu, Dao 2023, *Mamba*, [arXiv:2312.00752](https://arxiv.org/abs/2312.00752). Recurrence that trains in parallel.
