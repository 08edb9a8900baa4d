# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Queries, keys, values: exercises
#
# Eight exercises, about 85 minutes. They follow the chapter's order; the third is the large one. `check` answers as often as
# you like, and its hints open one by one. Sizes in the hidden cases differ from each other on
# purpose, so a swapped axis cannot pass by luck.
#
# Tensors come as float32 or float64, and what you return has the same dtype. What you get stays as
# it is: work on copies. Where you project or attend, gradients flow back to all that comes in, or
# no model could learn with your function; 03.head-entropy and 03.diagonal-share only measure.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check

# %% [markdown]
# ## 03.project · Three vectors from one
#
# Write `project(x, to_q, to_k, to_v)`. Return the queries, the keys and the values, in this
# order.
#
# - `x` is (batch, seq, d_model).
# - `to_q`, `to_k` and `to_v` are each a pair `(weight, bias)`, as PyTorch's `nn.Linear` keeps
#   them: `weight` is (d_out, d_model) and `bias` is (d_out,). This is how MiniLM's file stores
#   its matrices.
# - Queries and keys are (batch, seq, d_head), values (batch, seq, d_value).
#
# The trap: the chapter writes $x W$ with $W$ of shape (d_model, d_out). `nn.Linear` keeps it the
# other way round. When d_out equals d_model, nothing warns you.
#
# Difficulty 1 of 3 · 5 minutes · 2 points


# %% tags=["03.project"]
def project(x, to_q, to_k, to_v):
    """x (batch, seq, d_model) and three (weight, bias) -> queries, keys, values."""
    # BEGIN SOLUTION
    return tuple(x @ weight.T + bias for weight, bias in (to_q, to_k, to_v))
    # END SOLUTION


# %% tags=["check"]
check("03.project", project)

# %% [markdown]
# ## 03.self-lookup-bug · Everybody admires themselves
#
# A colleague put the three matrices side by side into one, `w_qkv` of shape (d_model, 3 ·
# d_head): first the columns for the queries, then those for the keys, then those for the values.
# One product instead of three is a little faster, and common. The shapes are right, each row of
# weights sums to 1, training even gets somewhere. But in the map every word mostly looks at
# itself.
#
# Find the mistake and mend it. `self_attention(x, w_qkv)` takes `x` (batch, seq, d_model) and
# returns the output (batch, seq, d_head).
#
# The trap: there is one mistake. Change one line and leave the rest.
#
# Difficulty 1 of 3 · 5 minutes · 2 points


# %% tags=["03.self-lookup-bug"]
def self_attention(x, w_qkv):
    """One head with the three matrices in one: x (batch, seq, d_model) -> (batch, seq, d_head)."""
    d_head = w_qkv.shape[-1] // 3
    # BEGIN SOLUTION
    q, k, v = (x @ w_qkv).split(d_head, dim=-1)
    # END SOLUTION
    # BEGIN STUB
    # fused = x @ w_qkv  # (batch, seq, 3 * d_head)
    # q, k, v = fused[..., :d_head], fused[..., :d_head], fused[..., 2 * d_head :]
    # END STUB
    weights = (q @ k.transpose(-2, -1) / d_head**0.5).softmax(dim=-1)
    return weights @ v


# %% tags=["check"]
check("03.self-lookup-bug", self_attention)

# %% [markdown]
# ## 03.table-head · Build: a head that learns the game
#
# *Difficulty 3 of 3 · 35 minutes · 4 points*
#
# Around the table of section 3.3, but nobody tells you the rule. Each guest is asked for the dish of
# *some* other guest, always the same number of seats away. Your head finds out how many from the
# answers. Write the class `TableHead`, an `nn.Module` with three methods:
#
# - `__init__(self, d_model, d_head, n_answers)` makes three linear layers with biases: `self.to_q` and
#   `self.to_k`, from `d_model` to `d_head` numbers, and `self.to_v`, from `d_model` to `n_answers`.
# - `forward(self, x)`: from `x`, (batch, seat, d_model), to one score for each answer, (batch, seat,
#   n_answers). These scores are the mixed values, as they are.
# - `fit(self, tables, answers, rate)` trains. `tables` is (steps, batch, seat, d_model) and `answers`
#   (steps, batch, seat), whole numbers: one batch for each step. Each step plays its batch once. Its
#   loss is `F.cross_entropy`, the mean over all guests of all its tables. Then every weight moves by
#   `rate` times its gradient, downhill: the plain step, or `torch.optim.SGD`. Return the losses as a
#   list of numbers, each as it was before its step.
#
# The check loads weights of its own, compares scores, gradients and losses, and what your head
# says after training. Then it trains your head on a rule of its own and asks it at tables that it has
# never seen.
#
# The traps: gradients add up until somebody clears them, and `cross_entropy` has its own softmax.


# %% tags=["03.table-head"]
class TableHead(nn.Module):
    """One head that learns whose dish it is asked for."""

    def __init__(self, d_model, d_head, n_answers):
        # BEGIN SOLUTION
        super().__init__()
        self.to_q = nn.Linear(d_model, d_head)
        self.to_k = nn.Linear(d_model, d_head)
        self.to_v = nn.Linear(d_model, n_answers)
        # END SOLUTION

    def forward(self, x):
        """(batch, seat, d_model) -> scores for the answers (batch, seat, n_answers)."""
        # BEGIN SOLUTION
        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        return scores.softmax(dim=-1) @ v
        # END SOLUTION

    def fit(self, tables, answers, rate):
        """One plain step for each batch; the list of losses."""
        # BEGIN SOLUTION
        losses = []
        for x, y in zip(tables, answers, strict=True):
            loss = F.cross_entropy(self(x).flatten(0, 1), y.flatten())
            self.zero_grad()
            loss.backward()
            with torch.no_grad():
                for weight in self.parameters():
                    weight -= rate * weight.grad
            losses.append(loss.item())
        return losses
        # END SOLUTION


# %% tags=["check"]
check("03.table-head", TableHead)

# %% [markdown]
# **Your head plays.** Eight guests, six dishes, and three rules, one after the other. Below: how the
# loss falls, and whom each guest looks at in the end. The three maps are made of your own `to_q` and
# `to_k`.

# %% tags=["demo"]
import matplotlib.pyplot as plt

from course_lib.plots import attention_map

rules = {"one seat to the left": 1, "straight across": 4, "three seats to the right": -3}


def games(steps, rule):
    """Batches of 32 tables: guests (steps, 32, 8, 14) and answers (steps, 32, 8)."""
    dish = torch.randint(6, (steps, 32, 8))
    seat = torch.eye(8).expand(steps, 32, -1, -1)
    return torch.cat([seat, F.one_hot(dish, 6)], dim=-1), dish.roll(rule, dims=-1)


try:
    torch.manual_seed(0)
    fig, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    for ax, (name, rule) in zip(axes[1:], rules.items(), strict=True):
        head = TableHead(14, 16, 6)
        axes[0].plot(head.fit(*games(200, rule), rate=5.0), label=name)
        (x,), (y,) = games(1, rule)
        scores = head.to_q(x) @ head.to_k(x).transpose(-2, -1) / 16**0.5
        seats = [str(i) for i in range(8)]
        attention_map(scores.softmax(dim=-1).mean(dim=0).detach(), seats, ax=ax, title=name)
        right = (head(x).argmax(dim=-1) == y).float().mean()
        print(f"{name}: {right:.0%} right at 32 new tables")
    axes[0].set(xlabel="step", ylabel="loss", title="three rules, one head")
    axes[0].legend()
    plt.show()
except (NotImplementedError, NameError, TypeError, AttributeError):
    print("First write and run TableHead, until its check is green.")

# %% [markdown]
# ## 03.cross-shapes · Predict the shapes
#
# Before a program runs you should know its shapes. Write `cross_shapes(batch, n_query, n_key,
# d_model, d_head, d_value)` for the cross-attention of 03.cross-attention, where both sequences
# have the width `d_model`.
#
# Return a dictionary of tuples with the keys `"queries"`, `"keys"`, `"values"`, `"scores"` and
# `"output"`.
#
# The trap: three of the six sizes never appear in the scores, and one of the two lengths is gone
# from the output.
#
# Difficulty 1 of 3 · 5 minutes · 1 point


# %% tags=["03.cross-shapes"]
def cross_shapes(batch, n_query, n_key, d_model, d_head, d_value):
    """Six sizes -> {"queries": (…), "keys": (…), "values": (…), "scores": (…), "output": (…)}."""
    # BEGIN SOLUTION
    return {
        "queries": (batch, n_query, d_head),
        "keys": (batch, n_key, d_head),
        "values": (batch, n_key, d_value),
        "scores": (batch, n_query, n_key),
        "output": (batch, n_query, d_value),
    }
    # END SOLUTION


# %% tags=["check"]
check("03.cross-shapes", cross_shapes)

# %% [markdown]
# ## 03.cross-attention · Ask another sequence
#
# Write `cross_attention(x, context, w_q, w_k, w_v)`: every position of `x` looks something up in
# `context`.
#
# - `x` is (batch, query, d_model), `context` is (batch, key, d_context). The two widths and the
#   two lengths may differ.
# - `w_q` is (d_model, d_head), `w_k` is (d_context, d_head), `w_v` is (d_context, d_value). No
#   biases here.
# - Return the output (batch, query, d_value) and the weights (batch, query, key).
#
# The trap: with two sequences of one length every mix-up of sources has the right shape.
#
# Difficulty 2 of 3 · 10 minutes · 3 points


# %% tags=["03.cross-attention"]
def cross_attention(x, context, w_q, w_k, w_v):
    """Queries from x, keys and values from context -> (output, weights)."""
    # BEGIN SOLUTION
    q, k, v = x @ w_q, context @ w_k, context @ w_v
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (batch, query, key)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights
    # END SOLUTION


# %% tags=["check"]
check("03.cross-attention", cross_attention)

# %% [markdown]
# ## 03.no-cross-talk · A test that catches a mixed-up batch
#
# Sentences of one batch must not see each other. You saw a module that lets them, with the right
# shapes. Write the test that would have caught it.
#
# `no_cross_talk(before, after, changed)` gets a module's outputs on two batches, both (batch,
# seq, d_model). The second batch is the first one with *one* sentence replaced: the one at index
# `changed`. Return `True` when all the other sentences kept their output, `False` when any of
# them did not. Numbers that differ by less than 0.0001 count as equal, however large they are. In a
# batch of one no other sentence is there, so none has changed.
#
# The trap: differences come in both signs, and `nan` is not equal to anything.
#
# Difficulty 2 of 3 · 10 minutes · 2 points


# %% tags=["03.no-cross-talk"]
def no_cross_talk(before, after, changed):
    """Did only sentence `changed` change? before, after (batch, seq, d_model) -> bool."""
    # BEGIN SOLUTION
    others = torch.arange(before.shape[0]) != changed
    return torch.allclose(before[others], after[others], rtol=0, atol=1e-4)
    # END SOLUTION


# %% tags=["check"]
check("03.no-cross-talk", no_cross_talk)

# %% [markdown]
# ## 03.head-entropy · How undecided is a head?
#
# Chapter 02's sum again, in another unit, and with one number for each head.
#
# Write `head_entropy(weights)`. `weights` is (heads, query, key), each row sums to 1. For each
# row the entropy is $-\sum_j w_j \log_b w_j$, where a weight of 0 adds 0. The base $b$ of the
# logarithm sets the unit; with base 2 it is the *bit*. Yours is base {{base}}. A head's entropy is
# the mean over its queries. Return (heads,).
#
# Two values to know: a row with all its weight on one key has 0, a row that is even over
# {{base}} · {{base}} · {{base}} keys has 3.
#
# The trap: real heads have weights that are exactly 0, and 0 times the logarithm of 0 is not 0 to
# a computer.
#
# Difficulty 1 of 3 · 5 minutes · 2 points


# %% tags=["03.head-entropy"]
def head_entropy(weights):
    """Weights (heads, query, key) -> mean entropy of each head's rows, to base {{base}} (heads,)."""
    # BEGIN SOLUTION
    base = 2
    logs = torch.where(weights > 0, weights, 1.0).log() / math.log(base)  # log(1) is 0
    return -(weights * logs).sum(dim=-1).mean(dim=-1)
    # END SOLUTION


# %% tags=["check"]
check("03.head-entropy", head_entropy)

# %% [markdown]
# ## 03.diagonal-share · Does a head look to its left?
#
# Write `diagonal_share(weights, offset)`: how much weight do queries give, on average, to the key
# that stands `offset` places further on? `weights` is (heads, seq, seq), rows are queries.
# `offset=0` is the word itself, `offset=-1` the word before it, `offset=2` the word after the
# next. Where a call doesn't say, it is {{offset}}. Return (heads,).
#
# Some queries have no such key: with `offset=-1` the first word has nobody before it. Leave them
# out of the average. At least one query is left.
#
# The trap: the average is over fewer queries than there are rows.
#
# Difficulty 2 of 3 · 10 minutes · 2 points


# %% tags=["03.diagonal-share"]
def diagonal_share(weights, offset=0):
    """Weights (heads, seq, seq) -> mean weight on the key at query + offset, (heads,)."""
    # BEGIN SOLUTION
    return weights.diagonal(offset, dim1=-2, dim2=-1).mean(dim=-1)
    # END SOLUTION


# %% tags=["check"]
check("03.diagonal-share", diagonal_share)
