# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Why transformers: exercises
#
# Four exercises, about 85 minutes, in the order of the chapter; the last is the large one. Write in the cell below each text, run it, then run
# the `check` under it. When your result equals that of a mistake that many make, the check says
# which one. Hints open one by one.
#
# Shapes are written `(seq, d_model)`: one row for each word, one column for each number of its
# vector.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check

# %% [markdown]
# ## 01.gru-step · One step of a GRU
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Section 1.1 has the four lines. The weights are handed to you, stacked as PyTorch stacks them:
#
# - `x` is the new word, `(d_model,)`; `h` is the state so far, `(d_hidden,)`. The widths differ.
# - `weight_x` is `(3 * d_hidden, d_model)`: $W_r$, $W_z$ and $W_n$, one on top of the other.
# - `weight_h` is `(3 * d_hidden, d_hidden)`: $U_r$, $U_z$, $U_n$.
# - `bias_x` and `bias_h` are `(3 * d_hidden,)`: $b_r, b_z, b_n$ and $c_r, c_z, c_n$.
# - Return the next state, `(d_hidden,)`. The step is for training, so gradients flow back through it
#   to everything that is handed in.
#
# $$r = \sigma(W_r x + b_r + U_r h + c_r) \qquad z = \sigma(W_z x + b_z + U_z h + c_z)$$
#
# $$n = \tanh(W_n x + b_n + r \odot (U_n h + c_n)) \qquad h' = (1 - z) \odot n + z \odot h$$
#
# Do not use `torch.nn.GRU`, `GRUCell` or `torch.gru_cell`. `chunk(3)` cuts a vector into three equal parts;
# `torch.sigmoid` is $\sigma$.
#
# The trap: the reset gate stands in front of a bracket. Look at what is inside.


# %% tags=["01.gru-step"]
def gru_step(x, h, weight_x, weight_h, bias_x, bias_h):
    """The next state (d_hidden,) from a word (d_model,) and the state so far (d_hidden,)."""
    # BEGIN SOLUTION
    x_r, x_z, x_n = (weight_x @ x + bias_x).chunk(3)
    h_r, h_z, h_n = (weight_h @ h + bias_h).chunk(3)
    r = torch.sigmoid(x_r + h_r)
    z = torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return (1 - z) * n + z * h
    # END SOLUTION


# %% tags=["check"]
check("01.gru-step", gru_step)

# %% [markdown]
# ## 01.gradient-reach · How much of a nudge arrives
#
# *Difficulty 3 of 3 · 20 minutes · 3 points*
#
# The chapter added up the last output before it asked for the gradient. That is a shortcut: two
# numbers of the output that move in opposite directions cancel out in the sum. Measure without it.
#
# `read` below is a simple recurrent network: `(seq, d_model)` in, all its states
# `(seq, d_hidden)` out. Nudge number $i$ of word $t$, and number $j$ of the *last* state moves; the
# gradient says by how much, for each pair $(j, i)$. Turn all these ratios of a word into one
# number: the root of the sum of their squares.
#
# $$\text{reach}_t = \sqrt{\sum_j \sum_i
# \left(\frac{\partial\, h_{\text{last}, j}}{\partial\, x_{t, i}}\right)^2}$$
#
# - Return `(seq,)`, one number for each word.
# - Leave the numbers in `x` as they are.
#
# One call of `torch.autograd.grad(number, x, retain_graph=True)` gives the gradient of *one* number
# of the state, packed in a tuple of one. (`retain_graph=True` says that you will ask again.) It
# needs an `x` that asks for gradients; section 1.4 shows how to get one.
#
# The trap: squares first, sums after.


# %% tags=["setup"]
def read(x, weight_x, weight_h):
    """All states of h = tanh(W x + U h): (seq, d_model) -> (seq, d_hidden)."""
    h, states = torch.zeros(weight_h.shape[0]), []
    for word in x:
        h = torch.tanh(weight_x @ word + weight_h @ h)
        states.append(h)
    return torch.stack(states)


# %% tags=["01.gradient-reach"]
def gradient_reach(x, weight_x, weight_h):
    """For each word, the size of d(last state) / d(that word): (seq, d_model) -> (seq,)."""
    # BEGIN SOLUTION
    x = x.clone().requires_grad_()
    last = read(x, weight_x, weight_h)[-1]
    squares = torch.zeros(len(x))
    for number in last:
        (gradient,) = torch.autograd.grad(number, x, retain_graph=True)  # (seq, d_model)
        squares += gradient.square().sum(dim=-1)
    return squares.sqrt()
    # END SOLUTION


# %% tags=["check"]
check("01.gradient-reach", gradient_reach)

# %% [markdown]
# ## 01.path-length · From word 1 to word n
#
# *Difficulty 1 of 3 · 10 minutes · 1 point*
#
# How many steps lie between word 1 and the output at word $n$? Answer for any $n \ge 2$ and any
# kernel $k \ge 2$.
#
# - `"recurrent"`: how often is the state handed on after word 1 has entered it?
# - `"convolution"`: how many layers are needed, if each output sees the word itself and the
#   $k - 1$ words before it?
# - `"attention"`: how many looks?
#
# Return the three whole numbers (`int`) in a dictionary with these three names. The chapter's
# `layers_needed` is one way to test yourself; yours needs no loop and no gradient.
#
# The trap: a fence of ten boards has eleven posts.


# %% tags=["01.path-length"]
def path_length(n, k):
    """Steps from word 1 to the output at word n, for a kernel of k words."""
    # BEGIN SOLUTION
    return {"recurrent": n - 1, "convolution": math.ceil((n - 1) / (k - 1)), "attention": 1}
    # END SOLUTION


# %% tags=["check"]
check("01.path-length", path_length)

# %% [markdown]
# ## 01.recall-gru · Build: a GRU that learns to remember
#
# *Difficulty 3 of 3 · 40 minutes · 4 points*
#
# The task of section 1.5, with a network that is yours down to the last parameter. Write the class
# `RecallGRU`, an `nn.Module` with three methods:
#
# - `__init__(self, d_in, d_hidden, n_answers)` makes four parameters, stacked as in `01.gru-step`:
#   `self.weight_x`, (3 * d_hidden, d_in), `self.weight_h`, (3 * d_hidden, d_hidden), `self.bias_x`
#   and `self.bias_h`, (3 * d_hidden,); and `self.answer = nn.Linear(d_hidden, n_answers)`.
#   `nn.Parameter(tensor)` makes a tensor a parameter of the module. Choose the first numbers as you
#   like: small random ones for the matrices, zeros for the biases.
# - `forward(self, x)`: a batch of rows, (batch, seq, d_in), is read from left to right, starting from a
#   state of zeros. Return one score for each answer, (batch, n_answers), made by `self.answer` from
#   the last state.
# - `fit(self, rows, answers, rate)` trains. `rows` is (steps, batch, seq, d_in) and `answers`
#   (steps, batch), whole numbers: one batch for each step. The loss is `F.cross_entropy`, the mean
#   over the batch. Then every parameter moves by `rate` times its gradient, downhill: the plain step,
#   or `torch.optim.SGD`. Return the losses as a list of numbers (`loss.item()` makes one), each as it was
#   before its step.
#
# Do not use `nn.GRU`, `nn.GRUCell` or `torch.gru_cell`. The check loads parameters of its own, compares scores,
# gradients and losses, and what your network says after training. Then it trains your network and
# asks it about rows that it has never seen.
#
# The traps: the first axis of `x` is not time, and gradients add up until somebody clears them.


# %% tags=["01.recall-gru"]
class RecallGRU(nn.Module):
    """A GRU that reads a row and then says which symbol was underlined."""

    def __init__(self, d_in, d_hidden, n_answers):
        # BEGIN SOLUTION
        super().__init__()
        self.weight_x = nn.Parameter(torch.randn(3 * d_hidden, d_in) / math.sqrt(d_in))
        self.weight_h = nn.Parameter(torch.randn(3 * d_hidden, d_hidden) / math.sqrt(d_hidden))
        self.bias_x = nn.Parameter(torch.zeros(3 * d_hidden))
        self.bias_h = nn.Parameter(torch.zeros(3 * d_hidden))
        self.answer = nn.Linear(d_hidden, n_answers)
        # END SOLUTION

    def forward(self, x):
        """(batch, seq, d_in) -> scores for the answers (batch, n_answers)."""
        # BEGIN SOLUTION
        h = torch.zeros(x.shape[0], self.weight_h.shape[1])
        for t in range(x.shape[1]):
            x_r, x_z, x_n = (x[:, t] @ self.weight_x.T + self.bias_x).chunk(3, dim=-1)
            h_r, h_z, h_n = (h @ self.weight_h.T + self.bias_h).chunk(3, dim=-1)
            r = torch.sigmoid(x_r + h_r)
            z = torch.sigmoid(x_z + h_z)
            n = torch.tanh(x_n + r * h_n)
            h = (1 - z) * n + z * h
        return self.answer(h)
        # END SOLUTION

    def fit(self, rows, answers, rate):
        """One plain step for each batch; the list of losses."""
        # BEGIN SOLUTION
        losses = []
        for x, y in zip(rows, answers, strict=True):
            loss = F.cross_entropy(self(x), y)
            self.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter -= rate * parameter.grad
            losses.append(loss.item())
        return losses
        # END SOLUTION


# %% tags=["check"]
check("01.recall-gru", RecallGRU)

# %% [markdown]
# **Your network remembers, or not.** Eight kinds of symbols, rows of 12 and of 24, plain steps. Once as
# your `__init__` makes it, and once with 3 added to the update gate's bias, as `keep` did in the
# chapter. A loss of 2.08 is guessing. It takes ten seconds or more.

# %% tags=["demo"]
import matplotlib.pyplot as plt


def batches(steps, length):
    """Rows of symbols (steps, 32, length, 9), the first one underlined; and that symbol."""
    symbols = torch.randint(8, (steps, 32, length))
    x = F.one_hot(symbols, 9).float()
    x[:, :, 0, 8] = 1.0
    return x, symbols[:, :, 0]


try:
    fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for length, line in ((12, "-"), (24, "--")):
        for added, color in ((0.0, "#E69F00"), (3.0, "#0072B2")):
            torch.manual_seed(0)
            network = RecallGRU(9, 32, 8)
            network.bias_x.data[32:64] += added
            losses = torch.tensor(network.fit(*batches(400, length), rate=3.0))
            label = f"{length} symbols, {added:.0f} added"
            ax.plot(
                range(5, 400, 10), losses.view(-1, 10).mean(dim=1), line, color=color, label=label
            )
    ax.axhline(math.log(8), color="black", linestyle=":", linewidth=1)
    ax.set(xlabel="step", ylabel="loss", title="Who keeps the first symbol?")
    fig.legend(loc="outside right center")
    plt.show()
except (NotImplementedError, NameError, TypeError, AttributeError):
    print("First write and run RecallGRU, until its check is green.")
