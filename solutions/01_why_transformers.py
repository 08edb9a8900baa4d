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
# Three exercises, in the order of the chapter. Write in the cell below each text, run it, then run
# the `check` under it. When your result equals that of a mistake that many make, the check says
# which one. Hints open one by one.
#
# Shapes are written `(seq, d_model)`: one row for each word, one column for each number of its
# vector.

# %% tags=["setup"]
import math

import torch

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
# Do not use `torch.nn.GRU` or `GRUCell`. `chunk(3)` cuts a vector into three equal parts;
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
