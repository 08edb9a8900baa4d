# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Attention: exercises
#
# Seven exercises, about 90 minutes; the fifth is the large one. Write in the cell below each text, run it, then run
# the `check` under it. A check compares your answer with a reference on inputs that you do not
# see, and it knows the usual mistakes by name: when your output equals one of them, it says which.
# Hints open one by one. Nothing here needs more than the chapter.
#
# Tensors come as float32 or float64, and what you return has the same dtype. What you get stays as
# it is: work on copies. Where you return tensors made of queries, keys and values, gradients flow
# back to them, or no model could learn with your function (02.effective-words only measures).
#
# Shapes are written `(query, d_head)`: one row for each word that asks, one column for each number
# in its query.

# %% tags=["setup"]
import math

import torch
from torch import nn

from course_lib.check import check

# %% [markdown]
# ## 02.attention-weights · Attention weights
#
# *Difficulty 1 of 3 · 5 minutes · 2 points*
#
# Write the middle of the formula: from queries and keys to weights.
#
# - `query` is `(query, d_head)`, `key` is `(key, d_head)`. There may be more keys than queries, or
#   fewer.
# - Return the weights, `(query, key)`: row $i$ says how strongly query $i$ looks at each key.
# - Divide the scores by the right number, and let each *row* sum to 1.
# - Scores may be in the hundreds. No weight may become `nan`. (Chapter 00 met this trap.)
#
# The trap: `softmax` asks you for an axis, and both axes give you a table of the right shape.


# %% tags=["02.attention-weights"]
def attention_weights(query, key):
    """(query, d_head), (key, d_head) -> (query, key); each row sums to 1."""
    # BEGIN SOLUTION
    scores = query @ key.T / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1)
    # END SOLUTION


# %% tags=["check"]
check("02.attention-weights", attention_weights)

# %% [markdown]
# ## 02.effective-words · How many words does a row look at?
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# The chapter measured how sharp a row of weights is by its *effective number of words*, $e^{H}$
# with $H = -\sum_j w_j \ln w_j$. Write it for a whole table at once.
#
# - `weights` is `(…, query, key)`; every row sums to 1. Return one number for each row, `(…,
#   query)`.
# - A row that looks at one word alone gives 1. A row that is even over 7 words gives 7.
#
# The trap: a sharp row holds weights that are exactly 0, and $0 \ln 0$ counts as 0. Ask your
# computer what it thinks.


# %% tags=["02.effective-words"]
def effective_words(weights):
    """(…, query, key) -> (…, query): e to the entropy of each row."""
    # BEGIN SOLUTION
    return torch.special.entr(weights).sum(dim=-1).exp()  # entr(w) is -w ln w, and 0 at 0
    # END SOLUTION


# %% tags=["check"]
check("02.effective-words", effective_words)

# %% [markdown]
# ## 02.attention · Attention, for any number of axes in front
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# The whole formula, for real batches. Sentences come stacked: `(batch, query, d_head)`, and from
# chapter 05 on with one axis more. Your function must not care how many axes stand in front of
# the last two.
#
# - `query` is `(…, query, d_head)`, `key` is `(…, key, d_head)`, `value` is `(…, key, d_value)`.
# - Return the output alone, `(…, query, d_value)`.
# - `d_value` and `d_head` differ: a word may ask with 11 numbers and say 5.
# - Write the softmax yourself, safe for scores in the hundreds: use neither `softmax`, nor your
#   `attention_weights`, nor PyTorch's ready-made attention.
#
# The trap: what is axis 1 of a table is axis 2 of a stack of tables. Count axes from the end.


# %% tags=["02.attention"]
def attention(query, key, value):
    """softmax(query key^T / sqrt(d_head)) value, over the last two axes."""
    # BEGIN SOLUTION
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    powers = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    return powers / powers.sum(dim=-1, keepdim=True) @ value
    # END SOLUTION


# %% tags=["check"]
check("02.attention", attention)

# %% [markdown]
# ## 02.scaled-bug · Find the bug
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# This function is on its way into a library. Its author's tests pass: the shapes are right, and
# the weights of a sentence add up to its number of words. All those tests use one width for
# everything, and as many queries as keys.
#
# Your tests will not be so kind: `query` is `(batch, query, d_head)`, `value` is `(batch, key,
# d_value)`, and no two sizes are equal. The keys come *lying on their side*, `(batch, d_head,
# key)`, as some libraries keep them. Scores in the hundreds do the function no harm, and should
# not afterwards. Mend it. It returns the output and the weights.
#
# A start: which sum did the author not take?


# %% tags=["02.scaled-bug"]
def attend(query, key, value):
    """From keys (batch, d_head, key): the output and the weights (batch, query, key)."""
    # BEGIN SOLUTION
    width = query.shape[-1]
    scores = query @ key
    weights = (scores / math.sqrt(width)).softmax(dim=-1)
    return weights @ value, weights
    # END SOLUTION
    # BEGIN STUB
    # batch, length, width = value.shape
    # scores = query @ key
    # weights = (scores / math.sqrt(width)).softmax(dim=1)
    # return weights @ value, weights
    # END STUB


# %% tags=["check"]
check("02.scaled-bug", attend)

# %% [markdown]
# ## 02.word-attention · Build: a module of your own
#
# *Difficulty 3 of 3 · 30 minutes · 3 points*
#
# Now all of it as one **module** (section 2.7), from ids to mixed vectors, so that it can be trained.
# Write the class `WordAttention`, with three methods:
#
# - `__init__(self, vocab_size, d_model)` makes two parts and calls them as written here:
#   `self.embedding`, an `nn.Embedding` with a row of `d_model` numbers for each of `vocab_size`
#   words; and `self.log_temperature`, an `nn.Parameter` that holds one number, 0 at the start, of
#   shape `()`. The temperature is $T = e^{\text{log\_temperature}}$, so that it stays above 0
#   wherever training moves it.
# - `forward(self, ids)` takes whole numbers, `(batch, seq)`. Look the words up in the embedding.
#   Each word's vector is its query, its key and its value, as it is. Divide the scores by the root of
#   `d_model` and by $T$. Return two things: the mixed vectors `(batch, seq, d_model)` and the weights
#   `(batch, seq, seq)`.
# - `guess(self, ids)` says which words each mixed vector is like: its dot product with every row of
#   the embedding's table, `(batch, seq, vocab_size)`. Scores, as they are.
#
# The check loads numbers of its own into your two parameters, compares both methods, and then the
# gradients that reach each parameter. The trap: what must come first in `__init__`, and which
# numbers does a module own?


# %% tags=["02.word-attention"]
class WordAttention(nn.Module):
    """Words that look at each other: ids -> mixed vectors and weights."""

    def __init__(self, vocab_size, d_model):
        # BEGIN SOLUTION
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        # END SOLUTION

    def forward(self, ids):
        """(batch, seq) -> mixed vectors (batch, seq, d_model), weights (batch, seq, seq)."""
        # BEGIN SOLUTION
        x = self.embedding(ids)
        scores = x @ x.transpose(-2, -1) / math.sqrt(x.shape[-1])
        weights = (scores / self.log_temperature.exp()).softmax(dim=-1)
        return weights @ x, weights
        # END SOLUTION

    def guess(self, ids):
        """(batch, seq) -> a score for each word, (batch, seq, vocab_size)."""
        # BEGIN SOLUTION
        mixed, _ = self(ids)
        return mixed @ self.embedding.weight.T
        # END SOLUTION


# %% tags=["check"]
check("02.word-attention", WordAttention)

# %% [markdown]
# **Your module learns.** Twelve words from three subjects, five of one subject to a sentence, and a
# sixth that is hidden: id 0 stands in its place. The loop below trains your module to guess the
# hidden word. It cannot know which of four it was. What can it find out? The vectors are two numbers
# wide, so that you see them: as drawn at first, and as your module left them.

# %% tags=["demo"]
import matplotlib.pyplot as plt

subjects = ["cat dog horse bird", "street bridge road river", "tea bread egg soup"]
vocabulary = ["?", *" ".join(subjects).split()]


def hidden_words(count):
    """Sentences (count, 6) with id 0 in the first place, and the words that stood there."""
    subject = torch.randint(3, (count, 1))
    ids = 1 + 4 * subject + torch.randint(4, (count, 6))
    hidden = ids[:, 0].clone()
    ids[:, 0] = 0
    return ids, hidden


def learn(module, steps=300):
    """Train a module to guess the hidden word; the loss of every step."""
    optimizer, losses = torch.optim.Adam(module.parameters(), lr=0.05), []
    for _ in range(steps):
        ids, hidden = hidden_words(64)
        loss = nn.functional.cross_entropy(module.guess(ids)[:, 0], hidden)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def arrows(ax, table, title):
    """Every word's vector as an arrow; a color for each subject. No name stands on another."""
    taken = []
    for i, (x, y) in enumerate(table.tolist()):
        color = "0.5" if i == 0 else f"C{(i - 1) // 4}"
        ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": color})
        free = (
            y + step * side
            for step in torch.arange(0, 8, 0.05).tolist()
            for side in (1, -1)
            if all(abs(x - a) > 1.2 or abs(y + step * side - b) > 0.4 for a, b in taken)
        )
        taken.append((x, next(free)))
        ax.text(*taken[-1], vocabulary[i], color=color, ha="left" if x > 0 else "right")
    ax.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", title=title)


try:
    torch.manual_seed(0)
    module = WordAttention(len(vocabulary), 2)
    fig, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    arrows(axes[0], module.embedding.weight.detach(), "before")
    axes[1].plot(learn(module))
    axes[1].axhline(math.log(4), color="black", linestyle=":", label="one of four, ln 4")
    axes[1].set(xlabel="step", ylabel="loss", title="learning to guess the hidden word")
    axes[1].legend()
    arrows(axes[2], module.embedding.weight.detach(), "after: a direction for each subject")
    ids, hidden = hidden_words(500)
    found = module.guess(ids)[:, 0].argmax(dim=-1)
    right = ((found - 1) // 4 == (hidden - 1) // 4).float().mean()
    print(f"right subject in {right:.0%} of 500 new sentences, at temperature", end=" ")
    print(f"{module.log_temperature.exp().item():.1f}")
    plt.show()
except (NotImplementedError, NameError, TypeError):
    print("First write and run WordAttention, until its check is green.")

# %% [markdown]
# ## 02.equivariant · A test for order
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Now you write the test. Somebody ran a layer twice: once on the words as they stand, which gave
# `output`, and once on the words in another order, `x[order]`, which gave `output_shuffled`. Is
# the layer equivariant on this evidence: does each word get *the same row as before, in its new
# place*?
#
# - `output` and `output_shuffled` are `(seq, d_value)`; `order` holds whole numbers, `(seq,)`.
#   There may be one word, or a thousand.
# - Return `True` or `False`.
# - Computers round: differences of a few millionths do not count. Differences of 0.005 or more
#   do, however large the numbers are. A `nan` is never a match, not even for another `nan`.
#
# The check hands your test layers that are equivariant and several that only look so.


# %% tags=["02.equivariant"]
def is_equivariant(output, order, output_shuffled):
    """Is each row of `output_shuffled` the row of `output` that `order` puts there?"""
    # BEGIN SOLUTION
    return torch.allclose(output_shuffled, output[order], rtol=0, atol=1e-4)
    # END SOLUTION


# %% tags=["check"]
check("02.equivariant", is_equivariant)

# %% [markdown]
# ## 02.cost · What does it cost?
#
# *Difficulty 2 of 3 · 5 minutes · 2 points*
#
# No tensors: count on paper, then write the count as a function of the sizes. For one call of
# `attention(query, key, value)` with `n_query` queries and `n_key` keys, return two whole numbers:
#
# 1. how many multiplications the two matrix products make together (leave out the division by the
#    square root, the softmax, and all additions);
# 2. how many bytes the table of weights takes, at `bytes_per_number` bytes for each number: where
#    a call doesn't say, {{bytes_per_number}}.
#
# The trap: the two products do not have the same width, and queries need not be as many as keys.


# %% tags=["02.cost"]
def cost(n_query, n_key, d_head, d_value, bytes_per_number=4):
    """Return (multiplications, bytes of the weights)."""
    # BEGIN SOLUTION
    pairs = n_query * n_key
    return pairs * (d_head + d_value), pairs * bytes_per_number
    # END SOLUTION


# %% tags=["check"]
check("02.cost", cost)
