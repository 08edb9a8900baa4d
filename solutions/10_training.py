# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Training: exercises
#
# Seven exercises: one step of the optimizer, the rate, the clipping of a gradient and the loss, each by hand; the loss that you
# should know before a run begins; a loop that trains on more than fits into memory at once; and how sure a head may be.
#
# Shapes are written `(batch, seq, vocab)`: which sentence, which place, which token. Logarithms are natural, so losses are in nats.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check


class Guesser(nn.Module):
    """A small model for the build: it scores the next letter from the last three."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.mix = nn.Linear(3 * d_model, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)
        self.calls = 0

    def hide(self, x):
        """In training mode every eighth number becomes 0, others each time: a dropout without dice."""
        if not self.training:
            return x
        self.calls += 1
        kept = (torch.arange(x.numel()).view_as(x) + 3 * self.calls) % 8 > 0
        return x * kept * 8 / 7

    def score(self, ids):
        """ids (batch, seq) -> scores (batch, seq, vocab): at each place, for what comes next."""
        x = F.pad(self.table(ids), (0, 0, 2, 0))  # nothing stands before the first letter
        three = torch.cat([x[:, :-2], x[:, 1:-1], x[:, 2:]], dim=-1)
        return self.to_scores(self.hide(self.mix(three).tanh()))


# %% [markdown]
# ## 10.adam · One step, by hand
#
# *Difficulty 2 of 3 · 20 minutes · 3 points*
#
# One step of **AdamW** for one weight tensor $w$ with its gradient $g$. The optimizer keeps two running averages of the same
# shape: $m$ of the gradients, $v$ of their squares. Both began with zeros, so both are too small at first, and the step uses
# *corrected* ones, $\hat m$ and $\hat v$:
#
# $$m' = \beta_1 m + (1 - \beta_1)\, g \qquad v' = \beta_2 v + (1 - \beta_2)\, g^2 \qquad
# \hat m = \frac{m'}{1 - \beta_1^{\,step}} \qquad \hat v = \frac{v'}{1 - \beta_2^{\,step}}$$
#
# $$w' = w - \text{rate} \cdot \frac{\hat m}{\sqrt{\hat v} + \epsilon} - \text{rate} \cdot \text{decay} \cdot w$$
#
# - `step` counts from 1. `mean` and `square` are $m$ and $v$ as the last step left them.
# - The weight decay is *decoupled*: it is no part of the gradient, and it goes by the old weight.
# - Return three new tensors: $w'$, $m'$, $v'$. What is stored is not corrected.
# - Change nothing in place: the tensors that come in may belong to somebody else.
# - Any shape; `float32` or `float64`. Write it without `torch.optim`.
#
# The trap: three things look as if they might as well stand elsewhere: $\epsilon$, the correction, the decay.


# %% tags=["10.adam"]
def adamw_step(weight, gradient, mean, square, step, rate, beta1, beta2, eps, decay):
    """One AdamW step -> the new weight, the new mean, the new square."""
    # BEGIN SOLUTION
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    corrected_mean = mean / (1 - beta1**step)
    corrected_square = square / (1 - beta2**step)
    move = corrected_mean / (corrected_square.sqrt() + eps) + decay * weight
    return weight - rate * move, mean, square
    # END SOLUTION


# %% tags=["check"]
check("10.adam", adamw_step)

# %% [markdown]
# **What is it good for?** Two weights, and a loss that is 1,000 times steeper along one direction than along the other. The next
# cell goes down this valley with plain steps, with yours, and with yours where the valley lies at 45° to the axes (for plain steps
# that is the same valley). Before you run it: what does AdamW look at, and what becomes of it when the valley is turned?

# %% tags=["demo"]
import matplotlib.pyplot as plt

try:
    fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
    straight, turned = torch.eye(2), torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / 2**0.5
    steep = torch.tensor([1000.0, 1.0])
    for way, rate, name in (
        (straight, 0.0015, "plain steps"),
        (straight, 0.05, "your AdamW"),
        (turned, 0.05, "your AdamW, valley turned"),
    ):
        w, m, v, lost = way @ torch.ones(2), torch.zeros(2), torch.zeros(2), []
        for n in range(1, 121):
            gradient = way @ (steep * (way.T @ w))
            lost.append((steep * (way.T @ w) ** 2).sum() / 2)
            if name == "plain steps":
                w = w - rate * gradient
            else:
                w, m, v = adamw_step(w, gradient, m, v, n, rate, 0.9, 0.98, 1e-9, 0.0)
        ax.semilogy(range(1, 121), lost, label=f"{name}, rate {rate}")
    ax.set(xlabel="step", ylabel="loss")
    ax.legend()
    plt.show()
except (NotImplementedError, NameError):
    plt.close()
    print("First write and run adamw_step.")

# %% [markdown]
# AdamW looks at each weight by itself. Along the axes it takes the steepness out of each. Turned, both weights are equally steep:
# nothing is left to even out, and the valley stays as narrow as it is for plain steps.

# %% [markdown]
# ## 10.rate · Up in a line, down in a curve
#
# *Difficulty 1 of 3 · 10 minutes · 1 point*
#
# The rate of the first Transformer, for update $n$, counted from **1**:
#
# $$\text{rate} = d_{model}^{-0.5} \cdot \min\left(n^{-0.5},\; n \cdot \text{warmup}^{-1.5}\right)$$
#
# `torch.optim.lr_scheduler.LambdaLR` asks for it with a `step` that counts the updates made *before*: 0 for the first.
#
# - `step` is a whole number from 0 on. Step 0 is the first update, and its rate isn't 0.
# - `warmup` is {{warmup}} where a call doesn't say.
# - Return one number.
#
# The trap: no two steps have the same rate while it rises.


# %% tags=["10.rate"]
def learning_rate(step, d_model, warmup=4000):
    """The rate of the update that follows `step` others; warm-up: {{warmup}} updates."""
    # BEGIN SOLUTION
    n = step + 1
    return d_model**-0.5 * min(n**-0.5, n * warmup**-1.5)
    # END SOLUTION


# %% tags=["check"]
check("10.rate", learning_rate)

# %% [markdown]
# ## 10.clip · Clipped, and worse
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# "With clipping at 1, my small model learns more slowly than my friend's, and in the end the loss doesn't settle: it trembles. And
# when I cut one layer's weight into two tensors, I get another run." The author's `clip_gradients` does run, and the
# direction of what it returns is right. Mend it.
#
# - `gradients` is a list of at least one tensor, of any shapes. Together they are *one* long vector; its length is the norm.
# - If that norm is above `max_norm`, all are scaled by one and the same factor, so that the norm becomes `max_norm`. If not,
#   they stay as they are.
# - `max_norm` is above 0, and may be infinite: nothing is ever clipped then. Gradients may all be zeros.
# - Return the list of clipped gradients, and the norm *before*. Change nothing in place.
# - Write it without `torch.nn.utils`.
#
# The trap: the author tells of more than one symptom.


# %% tags=["10.clip"]
def clip_gradients(gradients, max_norm):
    """A list of tensors -> the list, scaled down where it is too long; the norm before."""
    # BEGIN SOLUTION
    norm = sum(gradient.square().sum() for gradient in gradients).sqrt().item()
    scale = max_norm / norm if norm > max_norm else 1.0
    return [gradient * scale for gradient in gradients], norm
    # END SOLUTION
    # BEGIN STUB
    # norm = sum(gradient.norm() for gradient in gradients)
    # scale = max_norm / norm
    # return [gradient * scale for gradient in gradients], norm
    # END STUB


# %% tags=["check"]
check("10.clip", clip_gradients)

# %% [markdown]
# ## 10.smoothing · A loss that forgives a little
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Cross-entropy asks for a share of 1 on the right token, which no softmax can give. **Label smoothing** asks for a little less,
# and spreads the share $\varepsilon$ evenly over *all* $V$ tokens, the right one included (this is PyTorch's definition):
#
# $$\text{loss} = -(1 - \varepsilon) \log p_{\text{label}} - \frac{\varepsilon}{V} \sum_{k=1}^{V} \log p_k$$
#
# Write it without `F.cross_entropy` and its relatives (`nll_loss` is one); `log_softmax` is allowed.
#
# - `logits` is `(batch, seq, vocab)`, `labels` is `(batch, seq)`. There may be more axes in front, or fewer; the tokens of the
#   vocabulary are always the *last* axis of `logits`.
# - A label that is `pad_id` doesn't count. `pad_id` may be any whole number, also one that is no token, such as −100. If it is a
#   token, it gets its even share $\varepsilon / V$ like every other.
# - Return the mean over all labels that count, one number in a tensor. If none counts it is 0, and `backward` still works (and
#   gives zeros).
# - `smoothing` is $\varepsilon$, at least 0 and below 1. Logits in the ten thousands do no harm.
# - Half precision (`float16`, `bfloat16`) is counted in `float32`, and so is the loss. `float64` stays what it is.
#
# The trap: what isn't counted above the fraction line must not be counted below it, and the other way round.


# %% tags=["10.smoothing"]
def smoothed_cross_entropy(logits, labels, smoothing, pad_id):
    """(batch, seq, vocab), (batch, seq) -> the mean loss over the labels that aren't pad_id."""
    # BEGIN SOLUTION
    counts = labels != pad_id
    wide = torch.promote_types(logits.dtype, torch.float32)
    log_p = logits.to(wide).log_softmax(dim=-1)  # (batch, seq, vocab)
    asked = labels.where(counts, 0)[..., None]  # any token will do where it doesn't count
    right = log_p.gather(-1, asked)[..., 0]
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(dim=-1)
    return loss.where(counts, 0).sum() / counts.sum().clamp(min=1)
    # END SOLUTION


# %% tags=["check"]
check("10.smoothing", smoothed_cross_entropy)

# %% [markdown]
# **What does it do?** The next cell draws your loss while the right token of a hundred gets ahead of the others. Without
# smoothing, further ahead is always better. With smoothing there is an end to it.

# %% tags=["demo"]
import matplotlib.pyplot as plt

try:
    fig, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
    lead = torch.linspace(0, 16, 81)
    ahead = torch.zeros(81, 1, 100)
    ahead[:, 0, 0] = lead
    for share in (0.0, 0.1, 0.3):
        first = torch.zeros(1, dtype=torch.long)
        ax.plot(lead, [smoothed_cross_entropy(x, first, share, -100) for x in ahead], label=share)
    ax.set(xlabel="how far the right score is ahead", ylabel="loss")
    ax.legend(title="smoothing")
    plt.show()
except (NotImplementedError, NameError):
    plt.close()
    print("First write and run smoothed_cross_entropy.")

# %% [markdown]
# ## 10.first-loss · Before the run begins
#
# *Difficulty 2 of 3 · 10 minutes · 1 point*
#
# Two numbers say whether a run is healthy: where its loss begins, and below what it can't fall. The vocabulary has `vocab` tokens
# ({{vocab}} where a call doesn't say); the loss is that of 10.smoothing. Don't train anything; work them out. Return
#
# 1. the loss of a model that gives *all tokens the same score*, as an untrained one nearly does if its scores begin small;
# 2. the *least* loss that any model can have with this `smoothing`, on any text.
#
# `smoothing` is at least 0 and below 1.
#
# The trap: `smoothing` changes one of the two only. And `0 * log(0)` is 0 on paper.


# %% tags=["10.first-loss"]
def first_and_least(smoothing, vocab=37000):
    """(loss of a model that knows nothing, least loss); the vocabulary has {{vocab}} tokens."""
    # BEGIN SOLUTION
    other = smoothing / vocab  # what is asked of each wrong token
    right = 1 - smoothing + other
    wrong = -(vocab - 1) * other * math.log(other) if other else 0.0
    return math.log(vocab), wrong - right * math.log(right)
    # END SOLUTION


# %% tags=["check"]
check("10.first-loss", first_and_least)

# %% [markdown]
# ## 10.train · Build: a batch larger than the memory
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# The paper's batches hold about 25,000 tokens. Yours don't fit into memory, so you take them in **micro-batches**: `backward`
# after each, which *adds* to the gradients, and one step after several. This is **gradient accumulation**, and it is easy to get
# almost right. Until 2024 well-known libraries averaged over micro-batches, so that a token of a short one counted for more
# ([transformers](https://github.com/huggingface/transformers/issues/24725),
# [torchtune](https://github.com/meta-pytorch/torchtune/pull/1875)), and one of them mended it
# [once more](https://github.com/huggingface/transformers/pull/47261) in 2026, for label smoothing.
#
# Write `fit`; `self.score(ids)` is there, in the first cell. `micro_batches` is a list of pairs `(ids, labels)`, both
# `(rows, seq)`, of any sizes. A label of 0 is padding. The first `every` micro-batches make the first batch, the next
# `every` the second, and so on; the last batch takes what is left. For each batch, one **update**:
#
# 1. Each of its micro-batches goes through `self.score` once, in order, in **training mode** (`self.train()`); also one that is
#    nothing but padding. (The dropout has a fixed pattern that counts the calls, so that everybody gets the same numbers.)
# 2. The loss is the label-smoothed cross-entropy (`F.cross_entropy` is allowed here, and knows `label_smoothing`), as a mean over
#    all labels *of the batch* that aren't padding: what the whole batch would give at once. A batch has at least one such label.
# 3. The gradients are those of this loss alone.
# 4. If their norm (of all parameters together) is above `max_norm`, they are scaled down to it.
# 5. `torch.optim.SGD` moves the parameters with the rate $\text{rate} \cdot \min(n / \text{warmup}, \sqrt{\text{warmup} / n})$,
#    where $n$ counts *updates* from 1. (Plain steps, because Adam divides a constant factor away, and with it some of the
#    mistakes that one can make here.)
# 6. The new model is judged on `held_out`, one more pair: the mean cross-entropy over its labels that aren't padding, in
#    **evaluation mode**, and *without* smoothing, so that runs can be compared. Nothing is learned from it.
#
# Return a list with a dict for each update: `"loss"` (of 2), `"norm"` (before clipping), `"rate"`, `"tokens"` (how many labels
# of the batch aren't padding, a whole number), `"held_out"` (of 6). When `fit` returns, the model is in evaluation mode.
#
# The trap: a loop inside of a loop. Which lines belong to the micro-batch, and which to the batch?


# %% tags=["10.train"]
class Trainer(Guesser):
    """The small model, and a loop that trains it on batches in pieces."""

    def fit(self, micro_batches, held_out, every, rate, warmup, max_norm, smoothing):
        """A list of (ids, labels), one more pair -> a dict for each update."""
        # BEGIN SOLUTION
        optimizer = torch.optim.SGD(self.parameters(), lr=rate)
        records = []
        for start in range(0, len(micro_batches), every):
            batch = micro_batches[start : start + every]
            tokens = sum((labels != 0).sum().item() for _, labels in batch)
            n = len(records) + 1
            now = rate * min(n / warmup, (warmup / n) ** 0.5)
            optimizer.param_groups[0]["lr"] = now
            self.train()
            optimizer.zero_grad()
            total = 0.0
            for ids, labels in batch:
                loss = self.summed(ids, labels, smoothing) / tokens
                loss.backward()
                total += loss.item()
            norm = nn.utils.clip_grad_norm_(self.parameters(), max_norm).item()
            optimizer.step()
            self.eval()
            with torch.no_grad():
                unseen = self.summed(*held_out, 0.0) / (held_out[1] != 0).sum()
            told = {"loss": total, "norm": norm, "rate": now, "tokens": tokens}
            records.append(told | {"held_out": unseen.item()})
        return records

    def summed(self, ids, labels, smoothing):
        """The loss, summed over the labels that aren't padding."""
        scores = self.score(ids).flatten(0, 1)
        more = {"ignore_index": 0, "label_smoothing": smoothing, "reduction": "sum"}
        return F.cross_entropy(scores, labels.flatten(), **more)
        # END SOLUTION


# %% tags=["check"]
check("10.train", Trainer)

# %% [markdown]
# **Does it learn?** *Your* loop reads first names letter by letter, in batches of eight unequal pieces, for about five seconds.
# Above, the loss of each update and that of names which it never sees; below, rate and norm along the same axis. Then it
# invents ten names.

# %% tags=["demo"]
import matplotlib.pyplot as plt

from course_lib.data.names import arabic_names

marks = "·$abcdefghijklmnopqrstuvwxyz"  # padding, an end


def read(names):
    """Names as (ids, labels): each letter asks for the next one, the first mark for the first."""
    rows = [torch.tensor([1, *(marks.index(c) for c in name), 1]) for name in names]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    labels = ids[:, 1:]
    return ids[:, :-1], labels


def invented(model):
    """One name, drawn letter by letter."""
    ids = torch.tensor([[1]])
    while ids.shape[1] < 12 and (ids.shape[1] == 1 or ids[0, -1] != 1):
        chances = model.score(ids)[0, -1].softmax(dim=-1)
        ids = torch.cat([ids, torch.multinomial(chances, 1)[None]], dim=1)
    return "".join(marks[i] for i in ids[0, 1:]).strip("·$").capitalize()


try:
    torch.manual_seed(0)
    names = sorted({latin[0].lower() for latin in arabic_names().values()})
    names = [name for name in names if name.isalpha() and name.isascii()]
    names = [names[i] for i in torch.randperm(len(names))]
    pieces = [read(names[i : i + 4 + 7 * (i % 5)]) for i in range(200, 15000, 12)]
    mine = Trainer(len(marks), 48)
    told = mine.fit(pieces, read(names[:200]), 8, 2.0, 30, 0.4, 0.0)
    fig, (top, low) = plt.subplots(2, 1, figsize=(7, 4), layout="constrained", sharex=True)
    for ax, kinds in ((top, ("loss", "held_out")), (low, ("rate", "norm"))):
        for kind in kinds:
            ax.plot([record[kind] for record in told], label=kind)
        ax.legend()
    low.set(xlabel="update")
    plt.show()
    with torch.no_grad():
        print(*(invented(mine) for _ in range(10)))
except (NotImplementedError, NameError):
    print("First write and run Trainer.fit.")

# %% [markdown]
# ## 10.softest · How sure may a head be?
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# **QK-norm** gives every query and every key the length 1 before they meet, and multiplies their dot product by a number, `cap`
# (Henry et al. 2020, arXiv:2010.04245). No score is then above `cap` or below `-cap`, whatever the weights do, and that keeps a
# training calm. The price: with a small `cap` a head's picture stays soft, however well the head knows where to look. How soft at
# least? A query sees `n_keys` keys. Return two numbers:
#
# 1. the largest weight that the softmax can give to *one* of the keys, if every score may be anything from `-cap` to `cap`;
# 2. the smallest `cap` that lets one key have the weight `weight`.
#
# - `n_keys` is at least 2; `cap` may be 0, and may be 1,000; `weight` is at least `1 / n_keys` and below 1.
# - Plain numbers in, plain numbers out.
#
# The trap: what do the *other* keys score when one is favoured most?


# %% tags=["10.softest"]
def sharpest(n_keys, cap, weight):
    """(the largest weight under cap, the cap that it takes for weight)"""
    # BEGIN SOLUTION
    largest = 1 / (1 + (n_keys - 1) * math.exp(-2 * cap))
    needed = math.log((n_keys - 1) * weight / (1 - weight)) / 2
    return largest, needed
    # END SOLUTION


# %% tags=["check"]
check("10.softest", sharpest)

# %% [markdown]
# **Your numbers.** Weights are at most so large (columns: `cap`), and the last column is the `cap` that 99 % takes.

# %% tags=["demo"]
try:
    print("  keys      1      3      5     10   cap for 0.99")
    for n_keys in (2, 10, 100, 10_000):
        weights = [sharpest(n_keys, cap, 0.99)[0] for cap in (1, 3, 5, 10)]
        print(
            f"{n_keys:6}", *(f"{w:6.3f}" for w in weights), f"{sharpest(n_keys, 1, 0.99)[1]:14.2f}"
        )
except (NotImplementedError, NameError):
    print("First write and run sharpest.")
