# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Masks: exercises
#
# Nine exercises around chapter 04: eight short ones, and at the end a model that you build yourself. Everything you need is on its page (`notebooks/04_masks.ipynb`). In all
# of them a mask is a grid of `True` and `False`, and `True` means *may look*.
#
# Write your answer into the cell, run it, then run the check below it. A check never stops the notebook: it
# says what differs, names the mistake where it knows it, and has three hints.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check

# %% [markdown]
# ## 04.no-peeking · Write the test
#
# Somebody hands you two outputs of a model, `before` and `after`, both `(seq, d_model)`. Between the two runs
# only the words **from `position` on** were changed (counted from 0). Write `no_peeking(before, after,
# position)`: `True` if the outputs at all earlier positions stayed what they were, `False` if a single number
# among them moved.
#
# "Stayed" means within `1e-5`, because another order of addition rounds differently. What happens from
# `position` on proves nothing, either way. An earlier output that is `nan` is no proof of anything: return
# `False`. `position` may be 0: then nothing earlier can have moved.
#
# Difficulty 2 of 3, 10 minutes, 2 points. The trap: differences have a sign, and comparisons with `nan` are
# never true.


# %% tags=["04.no-peeking"]
def no_peeking(before, after, position):
    """True if no output before `position` felt the change; one bool."""
    # BEGIN SOLUTION
    difference = (before[:position] - after[:position]).abs()
    return bool((difference < 1e-5).all())
    # END SOLUTION


# %% tags=["check"]
check("04.no-peeking", no_peeking)

# %% [markdown]
# ## 04.causal-mask · Only the past
#
# Write `causal_mask(n_query, n_key)`. It returns a boolean tensor `(n_query, n_key)`: `True` where the query
# may look.
#
# A query sees itself and everything before it. There is at least one query, never more queries than keys, and
# **the queries are the last `n_query` of the `n_key` positions**, as when a model has read five words and asks
# only for the newest two. The last query therefore sees every key, whatever the two numbers are.
#
# Difficulty 1 of 3, 5 minutes, 2 points. The trap: `tril` of a grid that is not square starts counting in the
# wrong corner.


# %% tags=["04.causal-mask"]
def causal_mask(n_query, n_key):
    """n_query last positions out of n_key -> bool (n_query, n_key), True = may look."""
    # BEGIN SOLUTION
    query_position = torch.arange(n_key - n_query, n_key)[:, None]  # (n_query, 1)
    key_position = torch.arange(n_key)[None, :]  # (1, n_key)
    return key_position <= query_position
    # END SOLUTION


# %% tags=["check"]
check("04.causal-mask", causal_mask)

# %% [markdown]
# ## 04.padding-mask · Not the padding
#
# Write `padding_mask(ids, pad_id)`. `ids` is `(batch, key)`, whole numbers, one row for each sentence. Return
# a boolean tensor `(batch, 1, 1, key)`: `True` where the key is a real token. The two axes of size 1 stand
# for the heads and the queries, because padding is a matter of the key alone.
#
# Padding may stand on the right, on the left, on both sides, or fill the whole row. `pad_id` may be any
# number; where a call doesn't say, it is {{pad_id}}.
#
# Difficulty 1 of 3, 5 minutes, 1 point. The trap: counting the real tokens and hiding what comes after that
# many.


# %% tags=["04.padding-mask"]
def padding_mask(ids, pad_id=3):
    """ids (batch, key) -> bool (batch, 1, 1, key), True = a real token."""
    # BEGIN SOLUTION
    return (ids != pad_id)[:, None, None, :]
    # END SOLUTION


# %% tags=["check"]
check("04.padding-mask", padding_mask)

# %% [markdown]
# ## 04.visible-pairs · Predict: how much is left to see?
#
# A sentence of `n_tokens` real tokens, at least one, is padded with `n_pads` more, perhaps none. Self-attention
# runs over all of them with a causal *and* a padding mask. Write `visible_pairs(n_tokens, n_pads, side)`, where `side` is `"left"` or
# `"right"` and says where the padding stands. Return two whole numbers: how many (query, key) pairs are
# `True` in the combined mask, and how many queries may look nowhere. Padded positions ask, too.
#
# Work it out on paper for three tokens and two pads, then write the formula. No tensor is needed.
#
# Difficulty 2 of 3, 10 minutes, 1 point. The trap: the two sides differ in both numbers.


# %% tags=["04.visible-pairs"]
def visible_pairs(n_tokens, n_pads, side):
    """(pairs that may look, queries that may look nowhere), two whole numbers."""
    # BEGIN SOLUTION
    triangle = n_tokens * (n_tokens + 1) // 2
    if side == "left":
        return triangle, n_pads
    return triangle + n_pads * n_tokens, 0
    # END SOLUTION


# %% tags=["check"]
check("04.visible-pairs", visible_pairs)

# %% [markdown]
# ## 04.masked-softmax · Zeros, never `nan`
#
# Write `masked_softmax(scores, mask)`. `scores` is `(batch, query, key)`. `mask` is boolean and broadcasts to
# that shape, for example `(query, key)` or `(batch, 1, key)`. Return weights of the same shape as the scores:
#
# - a hidden key weighs exactly 0, and has no influence on the other weights, however large or small its score
#   is;
# - the visible keys of a row sum to 1;
# - a row that may look nowhere is all zeros, and so is the gradient that it sends back.
#
# Values and gradients are both checked. The visible scores may be large, positive or negative, even minus ten
# billion. The weights have the dtype of the scores, whatever that is. You may call `torch.softmax`.
#
# Difficulty 2 of 3, 10 minutes, 3 points. The trap: an answer with the right values can still send back a
# gradient of `nan`.


# %% tags=["04.masked-softmax"]
def masked_softmax(scores, mask):
    """scores (batch, query, key), mask broadcastable bool -> weights (batch, query, key)."""
    # BEGIN SOLUTION
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights.masked_fill(~mask, 0.0)  # a row that may look nowhere: 0, not nan
    # END SOLUTION


# %% tags=["check"]
check("04.masked-softmax", masked_softmax)

# %% [markdown]
# ## 04.leaky-average-bug · Find the bug
#
# The cell below runs, gives the right shape, and every hidden key weighs exactly 0. It is wrong all the same:
# change a hidden key, and the output changes. Mend it.
#
# `query` is `(batch, query, d_head)`, `key` is `(batch, key, d_head)`, `value` is `(batch, key, d_value)`,
# `mask` is boolean and broadcasts to `(batch, query, key)`. Return the output `(batch, query, d_value)`.
# Every query may look at one key at least. Values and gradients are both checked.
#
# Difficulty 2 of 3, 5 minutes, 2 points. The trap: a repair that divides by what is left works on small
# scores only.


# %% tags=["04.leaky-average-bug"]
def masked_attention(query, key, value, mask):
    """Attention that ignores what the mask hides -> (batch, query, d_value)."""
    # BEGIN SOLUTION
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights @ value
    # END SOLUTION
    # BEGIN STUB
    # scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    # weights = scores.softmax(dim=-1)
    # weights = weights * mask
    # return weights @ value
    # END STUB


# %% tags=["check"]
check("04.leaky-average-bug", masked_attention)

# %% [markdown]
# ## 04.flat-mask-bug · Find the bug that batch size 1 hides
#
# The cell below hides padding, and passes every test that its author wrote: one sentence at a time. Most
# batches crash it; with as many sentences as words, or sentences of one word, it runs again, and is wrong. Mend it.
#
# `query`, `key` and `value` are `(batch, seq, d_head)`; `ids` is `(batch, seq)`. Return the output `(batch,
# seq, d_head)`. Padding hides *keys*: a query that stands on a padded position still averages over the real
# tokens. Every sentence has one real token at least. Padded positions may hold large numbers. Values and
# gradients are both checked.
#
# Difficulty 2 of 3, 5 minutes, 2 points. The trap: an axis of size 1 in the wrong place hides rows where
# columns were meant.


# %% tags=["04.flat-mask-bug"]
def attend_to_words(query, key, value, ids, pad_id):
    """Attention that no query spends on padding -> (batch, seq, d_head)."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (batch, query, key)
    # BEGIN SOLUTION
    mask = (ids != pad_id)[:, None, :]  # (batch, 1, key)
    # END SOLUTION
    # BEGIN STUB
    # mask = ids != pad_id
    # END STUB
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1) @ value


# %% tags=["check"]
check("04.flat-mask-bug", attend_to_words)

# %% [markdown]
# ## 04.masked-mean · One vector for a sentence
#
# Write `masked_mean(hidden, mask)`. `hidden` is `(batch, seq, d_model)`, `mask` is `(batch, seq)`, boolean,
# `True` for a real token. Return `(batch, d_model)`: the mean over the real tokens of each sentence.
#
# A sentence without a real token gives zeros. Padded positions may hold anything, even `nan`, and must not be
# felt. Values and gradients are both checked.
#
# Difficulty 2 of 3, 10 minutes, 2 points. The trap: what is 0 times `nan`?


# %% tags=["04.masked-mean"]
def masked_mean(hidden, mask):
    """hidden (batch, seq, d_model), mask (batch, seq) bool -> (batch, d_model)."""
    # BEGIN SOLUTION
    kept = hidden.masked_fill(~mask[:, :, None], 0.0)
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)  # (batch, 1)
    return kept.sum(dim=1) / count
    # END SOLUTION


# %% tags=["check"]
check("04.masked-mean", masked_mean)

# %% [markdown]
# ## 04.letter-model · Build it: a model that writes letters
#
# Write a small **language model**: a class that reads letters, guesses the next one at every place, and learns
# from its mistakes. Its attention is yours, its mask, its loss and its training, too. `LetterModel(vocab_size,
# d_model, max_len)` is an `nn.Module` with these parts, made in `__init__` under these names:
#
# | part | is |
# |---|---|
# | `embed` | `nn.Embedding(vocab_size, d_model)`: a table, one vector for each letter. `embed(ids)` looks the letters up |
# | `to_q`, `to_k`, `to_v` | three `nn.Linear(d_model, d_model)` **without bias** |
# | `where` | an `nn.Parameter`, `(max_len, max_len)`, zeros at first: learned scores for places, as in 4.1 |
# | `to_letters` | `nn.Linear(d_model, vocab_size)`, with bias |
#
# Nothing else may be in its `state_dict()`: the check loads weights by these names. So the mask is a buffer that
# isn't kept (`persistent=False`), or is made in `forward`.
#
# Three methods:
#
# 1. `forward(ids)`: `ids` is `(batch, n)` with 1 ≤ n ≤ `max_len`. Return **logits** `(batch, n, vocab_size)`,
#    scores before any softmax. With $x$ the embedded letters, and $q$, $k$, $v$ made of it,
#
#    $$\text{scores} = \frac{q\,k^T}{\sqrt{d_{model}}} + \text{where}_{:n,\,:n}, \qquad
#    \text{logits} = \text{to\_letters}(x + \text{weights}\;v),$$
#
#    where each letter sees itself and the past, and nothing else.
# 2. `loss(text)`: `text` is `(batch, n + 1)`, again with 1 ≤ n ≤ `max_len`. Each letter but the last has to guess
#    the one after it. Return the mean cross-entropy over all these guesses, a tensor without axes.
# 3. `fit(batches, rate)`: train with `torch.optim.Adam`, its learning rate `rate` and nothing else changed. `batches` is a list,
#    perhaps empty, of texts such as `loss` takes. One step for each batch, in order. Return a list of the losses,
#    plain numbers, each as it was before its step.
#
# Logits, losses, weights after training and gradients are all checked.
#
# Difficulty 3 of 3, 40 minutes, 4 points. The trap: a text of `max_len + 1` letters fits into `loss`, and not into
# `forward`.


# %% tags=["04.letter-model"]
class LetterModel(nn.Module):
    """Guesses the next letter at every place, from that letter and the past."""

    # BEGIN SOLUTION
    def __init__(self, vocab_size, d_model, max_len):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, d_model)
        self.to_q = nn.Linear(d_model, d_model, bias=False)
        self.to_k = nn.Linear(d_model, d_model, bias=False)
        self.to_v = nn.Linear(d_model, d_model, bias=False)
        self.where = nn.Parameter(torch.zeros(max_len, max_len))
        self.to_letters = nn.Linear(d_model, vocab_size)
        past = torch.ones(max_len, max_len, dtype=torch.bool).tril()
        self.register_buffer("past", past, persistent=False)

    def forward(self, ids):
        """(batch, n) -> logits (batch, n, vocab_size)."""
        n = ids.shape[1]
        x = self.embed(ids)  # (batch, n, d_model)
        scores = self.to_q(x) @ self.to_k(x).transpose(-2, -1) / math.sqrt(x.shape[-1])
        scores = scores + self.where[:n, :n]  # (batch, query, key)
        weights = scores.masked_fill(~self.past[:n, :n], -torch.inf).softmax(dim=-1)
        return self.to_letters(x + weights @ self.to_v(x))

    def loss(self, text):
        """(batch, n + 1) -> the mean loss of its guesses."""
        logits = self(text[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())

    def fit(self, batches, rate):
        """One step of Adam for each batch -> the losses before the steps."""
        optimizer = torch.optim.Adam(self.parameters(), lr=rate)
        losses = []
        for batch in batches:
            loss = self.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    # END SOLUTION
    # BEGIN STUB
    # def __init__(self, vocab_size, d_model, max_len):
    #     super().__init__()
    #     raise NotImplementedError("your turn")
    #
    # def forward(self, ids):
    #     """(batch, n) -> logits (batch, n, vocab_size)."""
    #     raise NotImplementedError("your turn")
    #
    # def loss(self, text):
    #     """(batch, n + 1) -> the mean loss of its guesses."""
    #     raise NotImplementedError("your turn")
    #
    # def fit(self, batches, rate):
    #     """One step of Adam for each batch -> the losses before the steps."""
    #     raise NotImplementedError("your turn")
    # END STUB


# %% tags=["check"]
check("04.letter-model", LetterModel)

# %% [markdown]
# **Let it write.** The next cell trains your model on Shakespeare for some seconds, and has it write three times: it reads the
# last 16 letters, one letter is drawn by its probabilities and put behind them, again and again. Compare its loss
# with two others: that of blind guessing, and that of a table that counts which letter follows which.

# %% tags=["demo"]
from course_lib.data.corpora import shakespeare

plays = shakespeare()[:200_000]
alphabet = sorted(set(plays))
numbers = torch.tensor([alphabet.index(letter) for letter in plays])
pieces = numbers.unfold(0, 17, 1)  # (start, 17)


def write(model, begin="ROMEO:\n", length=120):
    """Let a model put letter after letter behind `begin`."""
    ids = torch.tensor([[alphabet.index(letter) for letter in begin]])
    for _ in range(length):
        with torch.no_grad():
            chances = model(ids[:, -16:])[0, -1].softmax(dim=-1)
        ids = torch.cat([ids, torch.multinomial(chances, 1)[None]], dim=1)
    return "".join(alphabet[i] for i in ids[0])


try:
    torch.manual_seed(0)
    writer = LetterModel(len(alphabet), 48, 16)
    both = numbers[:-1] * len(alphabet) + numbers[1:]  # each pair of letters as one number
    pairs = both.bincount(minlength=len(alphabet) ** 2).view(len(alphabet), -1)
    chances = pairs / pairs.sum(dim=1, keepdim=True).clamp(min=1)
    counted = -(pairs * chances.clamp(min=1e-9).log()).sum() / pairs.sum()
    print(f"loss: blind {math.log(len(alphabet)):.2f}, counted pairs {counted:.2f}")
    for steps in (10, 90, 700):
        batches = [pieces[torch.randint(len(pieces), (64,))] for _ in range(steps)]
        losses = writer.fit(batches, 0.01)
        late = losses[-50:]
        print(f"\n--- {steps} steps more, loss {sum(late) / len(late):.2f}\n{write(writer)}")
except (NotImplementedError, NameError):
    print("First write and run LetterModel.")
