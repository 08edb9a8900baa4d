# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · Generation: exercises
#
# Seven exercises on what stands between a model's scores and a text. You make scores into chances, mend and
# write the filters in front of the dice, and cure a writer that repeats itself. Then you build beam search,
# give attention a memory, and count what that memory costs.
#
# Shapes are written `(..., vocab)`: any axes in front, then one number for each token. *Logits* are scores as a
# model gives them; a logit of minus infinity means that the token can't come.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check


class Scorer(nn.Module):
    """A small model for the beam search; it scores next tokens."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)

    def score(self, ids):
        """ids (batch, seq) -> logits (batch, seq, vocab): at each position, for what comes next."""
        place = torch.arange(1, ids.shape[1] + 1)[:, None]  # (seq, 1)
        so_far = self.table(ids) * place.cos()  # (batch, seq, d_model)
        return self.to_scores(torch.tanh(so_far.cumsum(dim=1)))


# %% [markdown]
# ## 11.temperature · How daring is the dice?
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# Turn logits into the chances of each token: the softmax of the logits divided by a temperature.
#
# - `logits` is `(..., vocab)`, with any axes in front or none. Return chances of the same shape; what you were
#   handed stays as it was.
# - Temperature 0 gives the whole chance to the largest logit; of equals, to the first.
# - A temperature above 0 may be as small as $10^{-37}$ or as large as $10^5$. Nothing may become NaN.
# - A logit of minus infinity stays without a chance at every temperature. Each row has a finite one, and none
#   is plus infinity.
# - Half precision (float16, bfloat16) is widened first: the result is always float32.
#
# The traps: a division by 0, and a quotient that is larger than any number.


# %% tags=["11.temperature"]
def probabilities(logits, temperature):
    """Logits (..., vocab) -> the chance of each token (..., vocab), in float32."""
    # BEGIN SOLUTION
    logits = logits.float()
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, best, 1.0)
    down = logits - logits.amax(dim=-1, keepdim=True)
    return (down / temperature).softmax(dim=-1)
    # END SOLUTION


# %% tags=["check"]
check("11.temperature", probabilities)

# %% [markdown]
# **What it does.** A table counts which letter follows three given ones in Shakespeare; the logarithm of each
# count is a logit. Your function draws from it, at four temperatures.

# %% tags=["demo"]
import re

from course_lib.data.corpora import shakespeare

text = re.sub("[^a-z'.,]+", " ", shakespeare()[:600_000].lower())
alphabet = sorted(set(text))
letters = torch.tensor([alphabet.index(letter) for letter in text])
size = len(alphabet)
triples = (letters[:-3] * size + letters[1:-2]) * size + letters[2:-1]
counts = (triples * size + letters[3:]).bincount(minlength=size**4).view(-1, size)


def after(letters):
    """The logits of the letter that follows three given ones."""
    a, b, c = (alphabet.index(letter) for letter in letters)
    return counts[(a * size + b) * size + c].float().log()


def written(pick, begin="the", length=75):
    """Draw letter after letter, each from the chances that `pick(logits)` gives."""
    torch.manual_seed(1)
    for _ in range(length):
        drawn = torch.multinomial(pick(after(begin[-3:])), 1)
        begin += alphabet[drawn]
    return begin


try:
    for heat in (0, 0.5, 1, 2):
        print(f"{heat:3}  {written(lambda logits, heat=heat: probabilities(logits, heat))}")
except (NotImplementedError, NameError):
    print("First write and run probabilities.")

# %% [markdown]
# ## 11.top-k · A filter that lets everything through
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# "I keep the 40 likeliest tokens, and still get nonsense; and with a vocabulary of 30 it doesn't run at all."
# The two lines below look right. Mend them.
#
# - `logits` is `(..., vocab)`. In each row the `k` largest stay as they are; all others become minus infinity.
# - What is as large as the `k`-th stays too, so that no token is thrown out by chance: with ties there may be
#   more than `k`.
# - If `k` is larger than the vocabulary, all stay. `k` is 1 or more.
# - Some logits may be minus infinity already, more than `vocab - k` of them too. They stay what they are.
# - Return logits of the same shape and dtype; what you were handed stays as it was.
#
# The trap: what is the chance of a token whose logit is 0?


# %% tags=["11.top-k"]
def keep_top_k(logits, k):
    """Logits (..., vocab) -> logits (..., vocab), minus infinity for all but the k largest."""
    # BEGIN SOLUTION
    k = min(k, logits.shape[-1])
    kth = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, -math.inf)
    # END SOLUTION
    # BEGIN STUB
    # kept = torch.zeros_like(logits).scatter(-1, logits.topk(k, dim=-1).indices, 1.0)
    # return logits * kept
    # END STUB


# %% tags=["check"]
check("11.top-k", keep_top_k)

# %% [markdown]
# ## 11.nucleus · As many as it takes
#
# *Difficulty 2 of 3 · 15 minutes · 3 points*
#
# Top-k keeps as many tokens when the model is sure as when it has no idea. Nucleus sampling (top-p) keeps the
# smallest set of tokens whose chances reach `p` together.
#
# - `logits` is `(..., vocab)`, unsorted. In each row the tokens of the set keep their logits, at their own
#   places; all others become minus infinity. Same shape, same dtype.
# - The set is filled from the likeliest down. The token with which it reaches `p` belongs to it.
# - At least one token stays: with `p = 0` the likeliest alone.
# - With `p = 1` every token stays, however unlikely. Sums of float32 reach 1 long before their end.
# - Minus infinity stays minus infinity; each row has a finite logit.
# - In half precision the chances are computed in float32: a thousand of them can't be summed in bfloat16.
#
# No two logits at the border are equal, and no sum hits `p` exactly, but for 0 and 1.


# %% tags=["11.nucleus"]
def keep_top_p(logits, p):
    """Logits (..., vocab) -> logits (..., vocab), minus infinity outside of the nucleus."""
    # BEGIN SOLUTION
    if p >= 1:
        return logits.clone()
    chances, order = logits.float().softmax(dim=-1).sort(dim=-1, descending=True)
    before = chances.cumsum(dim=-1) - chances  # what the set holds without this token
    goes = before >= p
    goes[..., :1] = False
    goes = torch.zeros_like(goes).scatter(-1, order, goes)
    return logits.masked_fill(goes, -math.inf)
    # END SOLUTION


# %% tags=["check"]
check("11.nucleus", keep_top_p)

# %% [markdown]
# **Who is let in?** Once more the table of letters: how many letters may follow, by your two filters, when the
# table is sure and when it isn't?

# %% tags=["demo"]
try:
    for begin in ("the", " th", "qui", "he ", "e, "):
        logits = after(begin)
        kept = [
            int((x > -math.inf).sum()) for x in (keep_top_k(logits, 5), keep_top_p(logits, 0.9))
        ]
        print(f"after {begin!r}: top-k keeps {kept[0]}, the nucleus {kept[1]:2}")
except (NotImplementedError, NameError):
    print("First write and run keep_top_p, and run the table above.")

# %% [markdown]
# ## 11.repeats · The cure that made it worse
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# A small model says the same thing again and again. Keskar and others (2019) make what was written already less
# likely, by a factor. This version follows the paper's formula to the letter, and some words come back *more*
# often than before. Mend it.
#
# - `logits` is `(batch, vocab)`, `ids` is `(batch, seq)`: what each row has written; `seq` may be 0.
# - A token that is in its row's `ids` gets a lower logit: divided by `penalty` where it is positive, multiplied
#   by it where it is negative. Zero stays zero, minus infinity stays minus infinity.
# - Each token is lowered once, however often it was written. All other logits stay.
# - `penalty` is above 0; where a call doesn't say, it is {{penalty}}. A number below 1 rewards, by the same rule.
# - Return new logits of the same shape and dtype; what you were handed stays as it was.
#
# The trap: what does a division do to −3?


# %% tags=["11.repeats"]
def penalize_repeats(logits, ids, penalty=1.2):
    """Logits (batch, vocab), ids (batch, seq) -> logits, lower for what was written."""
    # BEGIN SOLUTION
    there = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, ids, True)
    lower = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(there, lower, logits)
    # END SOLUTION
    # BEGIN STUB
    # lower = logits.clone()
    # for row, written in zip(lower, ids.tolist(), strict=True):
    #     for token in written:
    #         row[token] = row[token] / penalty
    # return lower
    # END STUB


# %% tags=["check"]
check("11.repeats", penalize_repeats)

# %% [markdown]
# ## 11.beam · Several beginnings at a time
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# Greedy takes the best token of each step and may regret it. Build the search that keeps several beginnings
# open. `BeamWriter` is a `Scorer`, the small model of the first cell: `self.score(beams)` takes ids
# `(beams, seq)` and returns logits `(beams, seq, vocab)`, at each position for what comes next. They depend on
# everything written so far. You write `search`.
#
# - `ids` is `(seq,)`: one beginning, without `end_id`. At most `max_new` tokens are written (1 or more).
# - The *sum* of a continuation is the sum of the log probabilities of its new tokens: the log-softmax of the
#   logits. Start with the beginning alone, sum 0.
# - In each round every beginning is tried with every token of the vocabulary, and all these candidates are
#   ranked by their sums, together. Those that end with `end_id` *and* are among the first `num_beams` have
#   finished; other ends are dropped. The best `num_beams` that don't end go on (or all, if there are fewer).
# - What has finished is never continued. Its score is its sum divided by
#   $\text{length}^{\alpha}$, where the length counts the new tokens, the end among them.
# - Search on until `max_new` tokens are written, however many have finished. What still goes on then has finished
#   too, without an end, and gets its score like the others.
# - Return the `num_beams` best of all that finished (or all, if there are fewer), the best first: a list of
#   `(tokens, score)`, where `tokens` is the list of new tokens as whole numbers, without the beginning.
#
# `num_beams` may be larger than the vocabulary. You needn't care about ties: no two sums are the same here.
# A loop over lists of Python is quick enough; tensors need more care and fewer lines.
#
# The traps: each survivor must take along the tokens of *its* parent; and sums of unequal lengths are no fair
# comparison.


# %% tags=["11.beam"]
class BeamWriter(Scorer):
    """A model that scores next tokens, and a search that writes with it."""

    @torch.no_grad()
    def search(self, ids, end_id, num_beams, max_new, alpha):
        """ids (seq,) -> [(new tokens, score), ...]: at most num_beams of them, the best first."""
        # BEGIN SOLUTION
        going, finished = [([], 0.0)], []
        for length in range(1, max_new + 1):
            beams = torch.stack([torch.cat([ids, ids.new_tensor(new)]) for new, _ in going])
            log_probs = self.score(beams)[:, -1].log_softmax(dim=-1)  # (beams, vocab)
            sums = log_probs + torch.tensor([total for _, total in going])[:, None]
            best, places = sums.flatten().sort(descending=True)
            candidates = [
                (going[place // sums.shape[1]][0] + [place % sums.shape[1]], total)
                for total, place in zip(best.tolist(), places.tolist(), strict=True)
            ]
            for new, total in candidates[:num_beams]:
                if new[-1] == end_id:
                    finished.append((new, total / length**alpha))
            going = [beam for beam in candidates if beam[0][-1] != end_id][:num_beams]
        finished += [(new, total / max_new**alpha) for new, total in going]
        return sorted(finished, key=lambda beam: beam[1], reverse=True)[:num_beams]
        # END SOLUTION


# %% tags=["check"]
check("11.beam", BeamWriter)

# %% [markdown]
# **The better it searches, the less it says.** Your search on a model of random weights: the best sum with one beam
# (greedy) to 64, and what was written; 0 is the end. Then 64 beams again, with three values of `alpha`.

# %% tags=["demo"]
try:
    torch.manual_seed(11)
    model = BeamWriter(12, 8)
    nn.init.normal_(model.table.weight, std=2.0)
    nn.init.normal_(model.to_scores.weight, std=1.0)
    begin = torch.tensor([3, 5])
    for num_beams in (1, 2, 8, 64):
        tokens, total = model.search(begin, 0, num_beams, 8, 0.0)[0]
        print(f"{num_beams:2} beams: sum {total:.3f}, {tokens}")
    for alpha in (0.0, 0.7, 2.0):
        tokens, _ = model.search(begin, 0, 64, 8, alpha)[0]
        print(f"alpha {alpha}: {tokens}")
except (NotImplementedError, NameError):
    print("First write and run BeamWriter.")

# %% [markdown]
# ## 11.cached-attention · Remember, don't read again
#
# *Difficulty 2 of 3 · 20 minutes · 3 points*
#
# A writer that appends one token needs the keys and values of all before, and it has computed them already. Write
# causal attention with a memory. It is called again and again: with the whole beginning first, then with one new
# token at a time, or with a few.
#
# - `query` and `key` are `(..., new, d_head)`, `value` is `(..., new, d_value)`: of the *new* tokens alone.
# - `past` is `None` at first, then the pair `(keys, values)` that the call before returned:
#   `(..., old, d_head)` and `(..., old, d_value)`. Its `old` may be 0.
# - The new tokens come behind the old ones. Each new token sees all old ones, itself and the new ones before it.
# - Return the pair `(output, (keys, values))`: the output of the new tokens, `(..., new, d_value)`, and the pair with
#   old and new, for the next call.
# - Scores are divided by $\sqrt{d_{head}}$. What you were handed stays as it was, and gradients flow through the
#   pair, too. Write it without `scaled_dot_product_attention`.
#
# The trap: query 0 isn't token 0.


# %% tags=["11.cached-attention"]
def cached_attention(query, key, value, past=None):
    """Attend from the new tokens to old and new -> (output, (keys, values))."""
    # BEGIN SOLUTION
    if past is not None:
        key, value = (torch.cat(pair, dim=-2) for pair in zip(past, (key, value), strict=True))
    new, total = query.shape[-2], key.shape[-2]
    sees = torch.ones(new, total, dtype=torch.bool, device=query.device).tril(total - new)
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    weights = scores.masked_fill(~sees, -math.inf).softmax(dim=-1)
    return weights @ value, (key, value)
    # END SOLUTION


# %% tags=["check"]
check("11.cached-attention", cached_attention)

# %% [markdown]
# **Nothing is lost.** Eleven tokens in one go, and the same with a memory: five at first, then one by one, then the
# last three together.

# %% tags=["demo"]
try:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 11, 8)
    whole, _ = cached_attention(query, key, value)
    parts, past = [], None
    for new in torch.arange(11).split([5, 1, 1, 1, 3]):
        output, past = cached_attention(*(x[:, :, new] for x in (query, key, value)), past)
        parts.append(output)
    print("the same:", torch.allclose(torch.cat(parts, dim=2), whole, atol=1e-5))
    print("scores computed:", 11 * 11, "in one go,", 5 * 5 + 6 + 7 + 8 + 3 * 11, "with the memory")
    print("and", sum(n * n for n in (5, 6, 7, 8, 11)), "if each step reads everything again")
except (NotImplementedError, NameError):
    print("First write and run cached_attention.")

# %% [markdown]
# ## 11.cache-bytes · What the memory costs
#
# *Difficulty 1 of 3 · 10 minutes · 1 point*
#
# A model writes, and each of its layers keeps keys and values. How much memory is that? Don't make a tensor: count.
#
# - In each of `num_layers` layers the queries have `num_heads` heads. All heads together are `d_model` wide, each as
#   wide as another. Keys and values have `num_kv_heads` heads of that same width; several heads of queries share one.
# - `batch` texts are written at the same time, each of them `tokens` long.
# - A number takes `bytes_per_number` bytes; where a call doesn't say, {{bytes_per_number}}.
#
# Return two whole numbers: the bytes that the caches of the whole model take, and how many tokens each
# text may have at most if there are `memory` bytes for them.
#
# The trap: of three projections, two are kept.


# %% tags=["11.cache-bytes"]
def cache_bytes(
    d_model, num_heads, num_kv_heads, num_layers, batch, tokens, memory, bytes_per_number=2
):
    """-> (bytes of the cache, the most tokens of each text that fit into `memory` bytes)."""
    # BEGIN SOLUTION
    numbers = 2 * num_layers * num_kv_heads * (d_model // num_heads)  # for one token of one text
    of_a_place = batch * numbers * bytes_per_number
    return tokens * of_a_place, memory // of_a_place
    # END SOLUTION


# %% tags=["check"]
check("11.cache-bytes", cache_bytes)
