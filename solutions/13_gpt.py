# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · GPT: exercises
#
# Seven exercises around a decoder-only model: how large it is, how a text is cut for its training, how its loss is told
# fairly, and how GPT-2's weights are stored. You write the text that a chat model really reads, find a head that copies, and build
# GPT-2 itself, under its own names.
#
# Shapes are written `(batch, seq, d_model)`: which text, which place, which number. Losses are in nats.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check

# %% [markdown]
# ## 13.size · Where do the parameters sit?
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# A model shaped like GPT-2, of your own sizes. Don't build it, count: without `parameters` and `numel`. Return two numbers:
#
# 1. **how many numbers it learns**, a whole number;
# 2. **which share of them is the table of tokens**, from 0 to 1.
#
# - Positions are learned: a table with a row for each of `max_len` places. The head is *tied* to the table of tokens.
# - `num_layers` blocks, pre-norm: attention and a network whose inner layer is {{wider}} times as wide as `d_model`. One more norm behind
#   the last block.
# - Every linear layer has a bias, every norm a weight and a bias. The tied head has no bias.
#
# The trap: tied means that something is counted once. And the share falls as the model grows.


# %% tags=["13.size"]
def gpt_size(vocab_size, d_model, num_layers, max_len, wider=4):
    """(numbers learned, share of the token table); the network is {{wider}} times as wide."""
    # BEGIN SOLUTION
    norm = 2 * d_model
    attention = 4 * (d_model * d_model + d_model)
    network = 2 * wider * d_model * d_model + wider * d_model + d_model
    block = attention + network + 2 * norm
    table = vocab_size * d_model
    learned = table + max_len * d_model + num_layers * block + norm
    return learned, table / learned
    # END SOLUTION


# %% tags=["check"]
check("13.size", gpt_size)

# %% [markdown]
# ## 13.windows · A text in pieces
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# A model reads at most `length` tokens at once, and a text is longer. To *judge* a model on a whole text, it is cut into windows
# that don't overlap, so that no token is guessed twice.
#
# - `ids` is `(n,)`, whole numbers; `length` is at least 1. The first window begins at the first token, and each of the others
#   where the one before ended.
# - Return two tensors `(count, length)`, inputs and targets, of the dtype of `ids`. A target is the token right after its input *in the
#   text*, which may be the first token of the next window.
# - A window counts if all of its `length` inputs have a target. What is left over at the end is left out.
# - A text may be too short for any window, or empty: then both are `(0, length)`. Change nothing in place.
#
# The trap: a token may be a target in one window and an input in the next. None gets lost between them.


# %% tags=["13.windows"]
def windows(ids, length):
    """(n,) -> inputs (count, length), targets (count, length)"""
    # BEGIN SOLUTION
    count = max(len(ids) - 1, 0) // length
    used = count * length
    return ids[:used].reshape(count, length), ids[1 : used + 1].reshape(count, length)
    # END SOLUTION


# %% tags=["check"]
check("13.windows", windows)

# %% [markdown]
# **Your windows, read aloud.** What does each place see, and what should it guess?

# %% tags=["demo"]
line = "To be, or not to be, that is the question: whether"

try:
    given, asked = windows(torch.tensor([ord(sign) for sign in line]), 10)
    for x, y in zip(given.tolist(), asked.tolist(), strict=True):
        print(repr("".join(map(chr, x))), "→", repr("".join(map(chr, y))))
    print(f"{asked.numel()} of {len(line) - 1} guesses are judged")
except (NotImplementedError, NameError):
    print("First write and run windows.")

# %% [markdown]
# ## 13.bits · One number for a whole text
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# "My model guesses evenly among 64 letters, and I am told 2.88. On paper it's 6 bits. With tokens in place of letters it looks worse than
# my friend's, although it guesses the same text better. And one short last window moves the whole number." The function below has
# three faults. Mend it.
#
# - Window `i` holds `counts[i]` guesses, and `losses[i]` is their *mean* loss, in nats (natural logarithms).
# - Return **bits per character** over the whole text: all bits that all guesses cost together, divided by `characters`, the
#   number of characters that the guessed tokens stand for. One number.
# - A window may be empty: its count is 0, and its mean is `nan`. It costs nothing. At least one window isn't empty.
#
# The trap: a mean is one number, however much it stands for.


# %% tags=["13.bits"]
def bits_per_character(losses, counts, characters):
    """Mean losses (nats) of windows, their numbers of guesses, all characters -> one number."""
    # BEGIN SOLUTION
    nats = sum(loss * count for loss, count in zip(losses, counts, strict=True) if count)
    return nats / math.log(2) / characters
    # END SOLUTION
    # BEGIN STUB
    # filled = [loss for loss, count in zip(losses, counts, strict=True) if count]
    # mean = sum(filled) / len(filled)
    # return mean * math.log(2)
    # END STUB


# %% tags=["check"]
check("13.bits", bits_per_character)

# %% [markdown]
# ## 13.unpack · Three layers in one
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# GPT-2's file keeps queries, keys and values of a block in a single layer, `c_attn`, and keeps it in a way of its own: the layer's output is
# `x @ weight + bias`, where `nn.Linear` computes `x @ weight.T + bias`. The first `d_model` numbers of that output are the query,
# the next `d_model` the key, the last the value. To load it into this course's attention, take it apart.
#
# - `weight` is `(d_model, 3 * d_model)`, `bias` is `(3 * d_model,)`.
# - Return a dictionary with six tensors, as `nn.Linear` stores them: `"to_q.weight"`, `"to_k.weight"`, `"to_v.weight"`, each
#   `(d_model, d_model)`, and `"to_q.bias"`, `"to_k.bias"`, `"to_v.bias"`, each `(d_model,)`. The dtype stays what it is.
# - Change nothing in place.
#
# The trap: a square matrix has the right shape either way round. No error will tell you.


# %% tags=["13.unpack"]
def unpack(weight, bias):
    """c_attn's weight (d_model, 3 d_model) and bias (3 d_model,) -> six tensors by name."""
    # BEGIN SOLUTION
    parts = {}
    rows = zip("qkv", weight.T.chunk(3), bias.chunk(3), strict=True)
    for name, its_weight, its_bias in rows:
        parts |= {f"to_{name}.weight": its_weight, f"to_{name}.bias": its_bias}
    return parts
    # END SOLUTION


# %% tags=["check"]
check("13.unpack", unpack)

# %% [markdown]
# **Does it load?** The next cell puts your six tensors into the attention of chapter 05, and compares its queries, keys and values with
# what the fused layer gives.

# %% tags=["demo"]
from course_lib.claims import claim
from course_lib.nn.multi_head import MultiHeadAttention

try:
    torch.manual_seed(0)
    fused, bias, x = torch.randn(48, 144) / 7, torch.randn(144), torch.randn(5, 48)
    attention = MultiHeadAttention(48, 4)
    told = attention.load_state_dict(unpack(fused, bias), strict=False)
    print("still to come:", told.missing_keys)
    apart = torch.cat([layer(x) for layer in (attention.to_q, attention.to_k, attention.to_v)], 1)
    claim(
        "three layers give what the fused one gives",
        torch.allclose(apart, x @ fused + bias, atol=1e-5),
    )
except (NotImplementedError, NameError):
    print("First write and run unpack.")

# %% [markdown]
# ## 13.chat · What a chat model really reads
#
# *Difficulty 1 of 3 · 15 minutes · 2 points*
#
# A chat is one long text to the model, with marks where somebody begins and ends. Many models, SmolLM2 among them, were taught
# **ChatML**. Two messages and the prompt for an answer look so, where `⏎` stands for a line end, `"\n"`, and nothing else ends a line:
#
# ```text
# <|im_start|>system⏎
# Be brief.<|im_end|>⏎
# <|im_start|>user⏎
# Hello!<|im_end|>⏎
# <|im_start|>assistant⏎
# ```
#
# - `messages` is a list of dictionaries, `{"role": "user", "content": "Hello!"}`. A role may be any text; a content may be empty, or have many
#   lines, and is written as it is. The list may be empty.
# - If the *first* message isn't the system's, or there is none, one with the content `system` goes before all others. The stub has
#   SmolLM2's own for it.
# - The text always ends with the prompt for an answer, whoever spoke last.
# - A content of `messages` that holds one of the two marks, `<|im_start|>` or `<|im_end|>`, raises `ValueError`: whoever writes marks could speak
#   in another's name. A role and `system` are written by your program: with a mark in one of them, refuse it or write it, as you like.
# - Change nothing in place. Write it without `chat_text` of the course's library and `apply_chat_template` of others.
#
# The trap: the model continues exactly where your text stops. A missing line end is another text, and it was never taught that one.


# %% tags=["13.chat"]
def as_chatml(
    messages, system="You are a helpful AI assistant named SmolLM, trained by Hugging Face"
):
    """[{"role": …, "content": …}, …] -> one text in ChatML, with the prompt for an answer."""
    # BEGIN SOLUTION
    if any(mark in m["content"] for m in messages for mark in ("<|im_start|>", "<|im_end|>")):
        raise ValueError("a message holds a mark")
    if not messages or messages[0]["role"] != "system":
        messages = [{"role": "system", "content": system}, *messages]
    said = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages]
    return "".join(said) + "<|im_start|>assistant\n"
    # END SOLUTION


# %% tags=["check"]
check("13.chat", as_chatml)

# %% [markdown]
# **Hand it to SmolLM2.** The next cell gives your text to the real model, and then three texts that lack something. Look at where
# each answer begins. It takes some seconds, and the weights.

# %% tags=["demo"]
from course_lib.generation import generate
from course_lib.nn.cache import StaticCache
from course_lib.pretrained.packages import MissingWeights
from course_lib.pretrained.smollm2 import END, load_smollm2

question = "What is the opposite of hot?"

try:
    text = as_chatml([{"role": "user", "content": question}])
    model = None  # one copy at a time
    model, tokenizer = load_smollm2()
    for name, read in (
        ("your text", text),
        ("its last line end cut off", text.removesuffix("\n")),
        ("without the prompt", text.removesuffix("<|im_start|>assistant\n")),
        ("the bare question", question),
    ):
        ids = torch.tensor([tokenizer.encode(read).ids])
        wrote = generate(
            model,
            ids,
            max_new_tokens=10,
            end_id=tokenizer.token_to_id(END),
            cache=StaticCache(ids.shape[1] + 10),
        )
        said = tokenizer.decode(wrote[0, ids.shape[1] :].tolist(), skip_special_tokens=False)
        print(f"{name:25} → {said!r}")
except (NotImplementedError, NameError):
    print("First write and run as_chatml.")
except MissingWeights as missing:
    print(missing)

# %% [markdown]
# ## 13.induction · The head that has read it before
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# Say $n$ random tokens to a model, then the same $n$ once more. Nothing in the first half can be guessed. In the second half all can,
# by a head that asks: *when this token stood here before, what came next?* Such an **induction head** looks at the token **right
# after** the earlier occurrence of the present one. Measure how well a head does it.
#
# - `weights` is `(..., 2n, 2n)`: attention weights, any axes in front (layers, heads) or none, a row for each query. $n$ is at least 1.
# - For each query of the *second* half, take the weight that it gives to the token right after the first occurrence of its own
#   token (all $n$ tokens are different). Return the mean of these $n$ weights for each head, a tensor `(...)`, without axes if there are
#   none in front.
# - Rows sum to 1, but don't rely on zeros in the future: a head without a causal mask is measured in the same way.
#
# The trap: count with $n = 3$ on paper. Which queries, which keys, how many?


# %% tags=["13.induction"]
def induction_score(weights):
    """Weights (..., 2n, 2n) on a sequence said twice -> one score for each head (...)"""
    # BEGIN SOLUTION
    n = weights.shape[-1] // 2
    seen = weights[..., n:, 1 : n + 1]  # the token after the first occurrence
    return seen.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
    # END SOLUTION


# %% tags=["check"]
check("13.induction", induction_score)

# %% [markdown]
# **Who copies in SmolLM2?** The next cell says 40 random tokens twice to the real model, and lists the best of its 270 heads by *your*
# score, beside what the middle one gets.

# %% tags=["demo"]
from course_lib.pretrained.packages import MissingWeights
from course_lib.pretrained.smollm2 import load_smollm2

try:
    induction_score(torch.full((2, 2), 0.5))
    model = None  # one copy at a time
    model, _ = load_smollm2()
    said = torch.randperm(40_000, generator=torch.Generator().manual_seed(0))[:40] + 1000
    with torch.no_grad():
        _, weights = model(said.repeat(2)[None], return_weights=True)
    scores = induction_score(torch.stack([layer[0] for layer in weights]))  # (layers, heads)
    best = scores.flatten().topk(6).indices.tolist()
    print(*(f"layer {i // 9} head {i % 9}: {scores.flatten()[i]:.2f}" for i in best), sep="\n")
    print(f"the middle one: {scores.median():.2f}")
except (NotImplementedError, NameError):
    print("First write and run induction_score.")
except MissingWeights as missing:
    print(missing)

# %% [markdown]
# ## 13.gpt · GPT-2, your own
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# GPT-2 is small enough to write down from memory. Build it from an empty class, with its own names, so that its published weights
# would fit into yours (apart from the way of storing that 13.unpack told of). `nn.Embedding`, `nn.Linear`, `nn.LayerNorm` (with its
# usual `eps`) and all functions of `F` are allowed; classes of your own for a block and its parts are welcome, in the same cell. Write it without
# `nn.Transformer`, `nn.MultiheadAttention` and their relatives, and without the course's own models.
#
# The check loads weights by these names. Nothing else may learn:
#
# | name | shape | is |
# |---|---|---|
# | `wte.weight` | (vocab_size, d_model) | table of tokens, and the head |
# | `wpe.weight` | (max_len, d_model) | table of places |
# | `h.0.ln_1.weight`, `h.0.ln_1.bias` | (d_model,) | norm before the attention of block 0 |
# | `h.0.attn.c_attn.weight`, `.bias` | (3 · d_model, d_model), (3 · d_model,) | queries, keys, values, in this order |
# | `h.0.attn.c_proj.weight`, `.bias` | (d_model, d_model), (d_model,) | behind the merged heads |
# | `h.0.ln_2.weight`, `h.0.ln_2.bias` | (d_model,) | norm before the network |
# | `h.0.mlp.c_fc.weight`, `.bias` | (4 · d_model, d_model), (4 · d_model,) | up |
# | `h.0.mlp.c_proj.weight`, `.bias` | (d_model, 4 · d_model), (d_model,) | down |
# | `h.1.ln_1.weight`, … | | the next block, and so on |
# | `ln_f.weight`, `ln_f.bias` | (d_model,) | norm behind the last block |
#
# - `forward`: `ids` is `(batch, seq)` with `seq` from 1 to `max_len`. Return the logits, `(batch, seq, vocab_size)`: at each place, for what comes next.
# - A token's row and its place's row, counted from 0, are added as they are.
# - Each block is pre-norm: it adds what the attention says to x, then what the network says. Heads are consecutive slices of the width;
#   scores are divided by the root of a head's width; nobody looks ahead, however large the scores are (hundreds, above or below 0).
# - The bend of the network is GELU in GPT-2's own approximation, `F.gelu(x, approximate="tanh")`.
# - The logits are dot products with the rows of `wte`. No dropout.
#
# The traps: each of its steps can be left out, and it still trains.


# %% tags=["13.gpt"]
# BEGIN SOLUTION
class Attention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.c_attn = nn.Linear(d_model, 3 * d_model)
        self.c_proj = nn.Linear(d_model, d_model)

    def forward(self, x):
        batch, seq, d_model = x.shape
        of_heads = [
            part.reshape(batch, seq, self.num_heads, -1).transpose(1, 2)
            for part in self.c_attn(x).chunk(3, dim=-1)
        ]  # three times (batch, heads, seq, d_head)
        seen = F.scaled_dot_product_attention(*of_heads, is_causal=True)
        return self.c_proj(seen.transpose(1, 2).reshape(batch, seq, d_model))


class Network(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.c_fc = nn.Linear(d_model, 4 * d_model)
        self.c_proj = nn.Linear(4 * d_model, d_model)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attn, self.mlp = Attention(d_model, num_heads), Network(d_model)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


# END SOLUTION
# BEGIN STUB
# # Classes of your own, for a block and its parts, may stand here.
# END STUB
class GPT(nn.Module):
    """GPT-2: two tables, pre-norm blocks that never look ahead, a last norm, a tied head."""

    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_len):
        super().__init__()
        # BEGIN SOLUTION
        self.wte = nn.Embedding(vocab_size, d_model)
        self.wpe = nn.Embedding(max_len, d_model)
        self.h = nn.ModuleList(Block(d_model, num_heads) for _ in range(num_layers))
        self.ln_f = nn.LayerNorm(d_model)
        # END SOLUTION

    def forward(self, ids):
        """(batch, seq) -> logits (batch, seq, vocab)"""
        # BEGIN SOLUTION
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T
        # END SOLUTION


# %% tags=["check"]
check("13.gpt", GPT)

# %% [markdown]
# **Does it learn?** The next cell lets *your* GPT read Shakespeare for about ten seconds, and has it write on the way.
# It is a first look: the chapter's recipe, and more time, do better.

# %% tags=["demo"]
from course_lib.data.corpora import shakespeare

try:
    torch.manual_seed(0)
    text = shakespeare()
    letters = sorted(set(text))
    number_of = {letter: i for i, letter in enumerate(letters)}
    ids = torch.tensor([number_of[letter] for letter in text[:300_000]])
    mine = GPT(len(letters), 64, 4, 2, max_len=32)
    for weights in mine.parameters():
        if weights.ndim == 2:
            nn.init.normal_(weights, std=0.05)
    optimizer = torch.optim.AdamW(mine.parameters(), lr=5e-3)
    for step in range(1, 1001):
        optimizer.param_groups[0]["lr"] = 5e-3 * min(step / 50, 1 - step / 1001)
        start = torch.randint(len(ids) - 33, (8, 1)) + torch.arange(33)
        logits = mine(ids[start[:, :-1]])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[start[:, 1:]].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in (1, 100, 300, 1000):
            wrote = torch.tensor([[number_of[letter] for letter in "The "]])
            with torch.no_grad():
                for _ in range(50):
                    chances = mine(wrote[:, -32:])[:, -1].softmax(dim=-1)
                    wrote = torch.cat([wrote, torch.multinomial(chances, 1)], dim=1)
            said = "".join(letters[i] for i in wrote[0].tolist())
            print(f"step {step:4}: loss {loss:.2f} {said!r}")
except (NotImplementedError, NameError):
    print("First write and run GPT.")
