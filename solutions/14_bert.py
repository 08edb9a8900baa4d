# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 · BERT: exercises
#
# Seven exercises. You hide tokens, and ask for the hidden ones only. You build BERT with its masked-language head, and put real
# weights into it. You pack two texts into one. Then three small heads: a vector for a sentence, labels for words that were cut into
# pieces, and an answer inside of a text.
#
# Shapes are written `(batch, seq, d_model)`: which text, which token, which number. A label of **−100** means "don't ask here", as in
# PyTorch.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.check import check
from course_lib.nn.blocks import EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.stacks import Encoder

# %% [markdown]
# ## 14.hide · What BERT is asked
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Some tokens are chosen, and the model shall guess them. Most of the chosen are hidden behind [MASK]; a few are replaced by a wrong token and a
# few stay, so that no token is ever beyond suspicion. You get the dice, so that there is nothing random in here.
#
# - `ids` is `(batch, seq)`, whole numbers. `draws`, `ways` and `others` have the same shape: two throws from 0 to 1 and a replacement
#   for each token.
# - A token is **chosen** if its draw is below {{share}}. What stands in the list `special_ids` ([CLS], [SEP], [PAD] …) is never chosen.
#   The list may be empty.
# - The input of a *chosen* token: `mask_id` if its way is below 0.8; its id from `others`, whatever that is, if its way is
#   between 0.8 and 0.9; from 0.9 on the token itself.
# - Return two tensors `(inputs, labels)`, of the shape and the dtype of `ids`. The label of every chosen token is the id that
#   stood there, and −100 everywhere else. Write nothing into `ids` itself: it stays as it is.
#
# The trap: whoever stays the same is still asked.


# %% tags=["14.hide"]
def hide(ids, special_ids, draws, ways, others, mask_id):
    """All (batch, seq) -> inputs, labels, both (batch, seq); a token is chosen below {{share}}."""
    # BEGIN SOLUTION
    share = 0.15
    chosen = (draws < share) & ~torch.isin(ids, torch.tensor(special_ids, dtype=ids.dtype))
    inputs = ids.where(~(chosen & (ways < 0.9)), others)
    inputs = inputs.masked_fill(chosen & (ways < 0.8), mask_id)
    return inputs, ids.where(chosen, -100)
    # END SOLUTION


# %% tags=["check"]
check("14.hide", hide)

# %% [markdown]
# **A sentence under your hands.** The same sentence, hidden five times. A token that is asked for stands between `<` and `>`.

# %% tags=["demo"]
from tokenizers import Tokenizer

from course_lib.pretrained.minilm import minilm_folder

pieces = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
pieces.no_padding()
CLS, SEP, PAD, MASK = (pieces.token_to_id(f"[{name}]") for name in ("CLS", "SEP", "PAD", "MASK"))

sentence = "The animal didn't cross the street because it was too tired."

try:
    torch.manual_seed(0)
    ids = torch.tensor([pieces.encode(sentence).ids])
    dice = torch.rand(2, 5, *ids.shape)
    others = torch.randint(1000, pieces.get_vocab_size(), (5, *ids.shape))
    for hidden, labels in map(hide, [ids] * 5, [[CLS, SEP, PAD]] * 5, *dice, others, [MASK] * 5):
        for i, label in zip(hidden[0].tolist(), labels[0].tolist(), strict=True):
            token = pieces.id_to_token(i)
            print(token if label == -100 else f"<{token}>", end=" ")
        print()
except (NotImplementedError, NameError):
    print("First write and run hide.")

# %% [markdown]
# ## 14.loss · Only what was asked
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# "My BERT reaches a loss of 0.4 after a minute, and can't fill a single gap." The loss below was copied from a model that continues
# texts, and then made to run. It has three faults. Mend it.
#
# - `logits` is `(batch, seq, vocab)`: scores for the token at each place. `labels` is `(batch, seq)`: the token that belongs
#   *there*, or −100 where nothing was asked.
# - Return the mean of $-\log p_{\text{label}}$ over all places that were asked, in all rows together: one number in a tensor.
# - If nothing was asked it is 0, and `backward` still works (and gives zeros).
# - Whatever finite numbers the scores are where nothing was asked, the loss is the same.
#
# The trap: a number that looks good because it counts easy places.


# %% tags=["14.loss"]
def masked_loss(logits, labels):
    """(batch, seq, vocab), (batch, seq) -> the mean loss over the labels that aren't -100."""
    # BEGIN SOLUTION
    asked = labels != -100
    loss = -logits.log_softmax(dim=-1).gather(-1, labels.where(asked, 0)[..., None])[..., 0]
    return loss.where(asked, 0).sum() / asked.sum().clamp(min=1)
    # END SOLUTION
    # BEGIN STUB
    # log_p = logits[:, :-1].log_softmax(dim=-1)
    # asked = labels[:, 1:].clamp(min=0)
    # right = log_p.gather(-1, asked[..., None])[..., 0]
    # return -right.mean()
    # END STUB


# %% tags=["check"]
check("14.loss", masked_loss)

# %% [markdown]
# ## 14.bert · BERT, your own
#
# *Build · difficulty 3 of 3 · 40 minutes · 4 points*
#
# Build BERT as it was pretrained, from an empty class: `__init__`, `encode` and `forward` are yours.
#
# - **Embedding**: add the token's row of `words`, row $t$ of `places` for token $t$ (counted from 0, padding included), and the row of
#   `segments` that its segment names. Then comes a norm. Nothing is multiplied by $\sqrt{d_{model}}$.
# - **Encoder**: `num_layers` post-norm blocks (chapter 07), with GELU in their feed-forward networks. Every token looks at every
#   token but padding (`pad_id`), to the left and to the right; a token of padding looks at the others, too. Padding may stand left or right.
# - **Masked-language head**: a linear layer from `d_model` to `d_model`, GELU, a norm; then the dot product with every row of `words`
#   (the table is tied), plus a bias for each token of the vocabulary. These are logits.
# - GELU is the exact one, `F.gelu` as it comes. *Every* norm has an epsilon of 1e-12: `LayerNorm(d_model, eps=1e-12)`. No dropout.
#
# Build it from the parts of chapters 04 to 07, which are imported: `Encoder(blocks)`, called as `self.encoder(x, mask)`;
# `EncoderBlock(attention, feed_forward, residual)` (where `residual()` makes what goes around *one* sublayer), `PostNorm(norm)`,
# `MultiHeadAttention(d_model, num_heads)`, `FeedForward(d_model, d_ff, activation=F.gelu)`, `padding_mask(ids, pad_id)`.
# Write it without `Bert` and `MaskedLM` of the course's library.
#
# - Name them `self.words`, `self.places`, `self.segments` (three `nn.Embedding` without `padding_idx`; there are two segments), `self.norm`, `self.encoder`,
#   `self.dense`, `self.head_norm` and `self.bias` (a parameter, `(vocab_size,)`), and nothing else that learns: the check loads weights by these names.
# - `encode`: `ids` and `segments` are `(batch, seq)`. Return what the encoder gives, `(batch, seq, d_model)`.
# - `forward`: the same two. Return the logits, `(batch, seq, vocab_size)`.
#
# The traps: there are two norms outside of the blocks; and what a head adds last is easily forgotten.


# %% tags=["14.bert"]
class MaskedBert(nn.Module):
    """BERT with its masked-language head."""

    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len, pad_id):
        super().__init__()
        # BEGIN SOLUTION
        self.pad_id = pad_id
        self.words = nn.Embedding(vocab_size, d_model)
        self.places = nn.Embedding(max_len, d_model)
        self.segments = nn.Embedding(2, d_model)

        def norm():
            return LayerNorm(d_model, eps=1e-12)

        def block():
            look = MultiHeadAttention(d_model, num_heads)
            think = FeedForward(d_model, d_ff, activation=F.gelu)
            return EncoderBlock(look, think, lambda: PostNorm(norm()))

        self.norm = norm()
        self.encoder = Encoder([block() for _ in range(num_layers)])
        self.dense = nn.Linear(d_model, d_model)
        self.head_norm = norm()
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        # END SOLUTION

    def encode(self, ids, segments):
        """(batch, seq), (batch, seq) -> (batch, seq, d_model)"""
        # BEGIN SOLUTION
        x = self.words(ids) + self.places.weight[: ids.shape[1]] + self.segments(segments)
        return self.encoder(self.norm(x), padding_mask(ids, self.pad_id))
        # END SOLUTION

    def forward(self, ids, segments):
        """(batch, seq), (batch, seq) -> logits (batch, seq, vocab_size)"""
        # BEGIN SOLUTION
        x = self.head_norm(F.gelu(self.dense(self.encode(ids, segments))))
        return x @ self.words.weight.T + self.bias
        # END SOLUTION


# %% tags=["check"]
check("14.bert", MaskedBert)

# %% [markdown]
# **Does it learn?** The next cell teaches *your* BERT to spell: it reads common words of Shakespeare with one letter hidden, for about
# five seconds. Then it fills gaps: the three best letters for each.

# %% tags=["demo"]
from collections import Counter

from course_lib.data.corpora import shakespeare

letters = "·?abcdefghijklmnopqrstuvwxyz"  # padding, hidden


def spelled(words):
    """Words as ids (n, 10), filled up with padding."""
    return torch.tensor([[letters.index(c) for c in word.ljust(10, "·")] for word in words])


try:
    torch.manual_seed(0)
    found = Counter(w for w in shakespeare().split() if w.isascii() and w.isalpha() and w.islower())
    known = spelled([w for w, _ in found.most_common(1000) if 4 <= len(w) <= 10])
    speller = MaskedBert(28, 64, 4, 2, 128, max_len=10, pad_id=0)
    for table in (speller.words, speller.places, speller.segments):
        nn.init.normal_(table.weight, std=0.1)
    optimizer = torch.optim.AdamW(speller.parameters(), lr=3e-3)
    for step in range(1, 301):
        ids = known[torch.randint(len(known), (96,))]
        place = torch.rand(ids.shape).masked_fill(ids == 0, -1).argmax(dim=1, keepdim=True)
        labels = torch.full_like(ids, -100).scatter(1, place, ids.gather(1, place))
        logits = speller(ids.scatter(1, place, 1), torch.zeros_like(ids))
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in (1, 100, 200, 300):
            print(f"step {step:3}: loss {loss:.2f}")
    with torch.no_grad():
        for word in ["th?nk", "frie?d", "not?ing", "wit?out", "str?et", "tir?d"]:
            ids = spelled([word])
            scores = speller(ids, torch.zeros_like(ids))[0, word.index("?")]
            best = scores[2:].topk(3).indices.tolist()
            print(f"{word:8} {', '.join(letters[2 + i] for i in best)}")
except (NotImplementedError, NameError):
    print("First write and run MaskedBert.")

# %% [markdown]
# ## 14.pair · Two texts in one
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# A question and a text, a claim and its proof: BERT reads two texts as one, and is told by a **segment** which token belongs to which.
#
# - `a` and `b` are lists of ids, without special tokens. Return two lists `(ids, segments)`, equally long.
# - `ids` is [CLS], all of `a`, [SEP], all of `b`, [SEP]. `segments` is 0 from the [CLS] to the first [SEP], that one included, and 1
#   behind it.
# - `ids` may have at most `max_len` places (3 or more), the three special ones included. While there are too many, the *longer* of the
#   two texts loses its last token; of two equally long ones it is `b`.
# - A text may be empty; all three special tokens stand there even so. The lists that came in stay as they are.
#
# The trap: cut first, then pack. A model that was taught with a [SEP] at the end misses it when it is cut off.


# %% tags=["14.pair"]
def pack_pair(a, b, max_len, cls_id, sep_id):
    """Two lists of ids -> ids, segments, each at most `max_len` long."""
    # BEGIN SOLUTION
    a, b = list(a), list(b)
    while len(a) + len(b) + 3 > max_len:
        (a if len(a) > len(b) else b).pop()
    ids = [cls_id, *a, sep_id, *b, sep_id]
    return ids, [0] * (len(a) + 2) + [1] * (len(b) + 1)
    # END SOLUTION


# %% tags=["check"]
check("14.pair", pack_pair)

# %% [markdown]
# **Packed.** A question and a text in eighteen places: which of the two was cut?

# %% tags=["demo"]
try:
    question, text = "Why didn't it cross?", sentence
    a, b = (pieces.encode(each, add_special_tokens=False).ids for each in (question, text))
    packed, which = pack_pair(a, b, 18, CLS, SEP)
    print(*(f"{pieces.id_to_token(i)}:{n}" for i, n in zip(packed, which, strict=True)))
except (NotImplementedError, NameError):
    print("First write and run pack_pair.")

# %% [markdown]
# ## 14.pool · One vector for a sentence
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# BERT gives a vector for each token. To compare sentences, you want one for each sentence: the mean of its tokens, brought to length one,
# so that a dot product of two of them is their cosine. Write it without `F.normalize` and its relatives.
#
# - `vectors` is `(batch, seq, d_model)`. `real` is `(batch, seq)`, True where a token is no padding. Padding may stand anywhere.
# - Return `(batch, d_model)`: each row's mean over its real tokens, divided by its length (the root of the sum of its squares). Each is of length 1,
#   however small its numbers are (within reason: down to a millionth).
# - A row of nothing but padding becomes zeros. Nothing becomes `nan`, and neither does a gradient.
#
# The trap: padding has vectors, too, and they aren't zeros.


# %% tags=["14.pool"]
def sentence_vectors(vectors, real):
    """(batch, seq, d_model), (batch, seq) -> (batch, d_model), each of length one."""
    # BEGIN SOLUTION
    kept = vectors.masked_fill(~real[..., None], 0)
    mean = kept.sum(dim=1) / real.sum(dim=1, keepdim=True).clamp(min=1)
    return mean / mean.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    # END SOLUTION


# %% tags=["check"]
check("14.pool", sentence_vectors)

# %% [markdown]
# **Real weights in your BERT.** MiniLM was trained so that the mean of its vectors says what a sentence means. The next cell puts its
# weights into *your* `MaskedBert` (whose head isn't used) and compares sentences by *your* vectors.

# %% tags=["demo"]
from safetensors.torch import load_file

OURS = {
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "places",
    "embeddings.token_type_embeddings": "segments",
    "embeddings.LayerNorm": "norm",
    "encoder.layer": "encoder.blocks",
    "attention.self.query": "attention.to_q",
    "attention.self.key": "attention.to_k",
    "attention.self.value": "attention.to_v",
    "attention.output.dense": "attention.to_out",
    "attention.output.LayerNorm": "around_attention.norm",
    "intermediate.dense": "feed_forward.up",
    "output.dense": "feed_forward.down",
    "output.LayerNorm": "around_feed_forward.norm",
}


def renamed(name):
    for theirs, ours in OURS.items():
        name = name.replace(theirs, ours)
    return name


try:
    minilm = MaskedBert(30522, 384, 12, 6, 1536, max_len=512, pad_id=PAD)
    tensors = load_file(minilm_folder() / "model.safetensors")
    tensors = {renamed(name): tensor for name, tensor in tensors.items()}
    told = minilm.load_state_dict(tensors, strict=False)
    loaded = sum(p.numel() for n, p in minilm.named_parameters() if n not in told.missing_keys)
    print(f"{loaded:,} numbers are MiniLM's; yours alone: {', '.join(told.missing_keys)}")
    texts = [
        "The animal didn't cross the street because it was too tired.",
        "The dog stayed where it was, exhausted.",
        "The street was too wide.",
        "Attention is a weighted sum.",
    ]
    rows = [pieces.encode(text).ids for text in texts]
    ids = torch.tensor([row + [PAD] * (max(map(len, rows)) - len(row)) for row in rows])
    with torch.no_grad():
        vectors = minilm.encode(ids, torch.zeros_like(ids))
        meanings = sentence_vectors(vectors, ids != PAD)
    for text, near in zip(texts, (meanings @ meanings[0]).tolist(), strict=True):
        print(f"{near:5.2f}  {text}")
except (NotImplementedError, NameError):
    print("First write and run MaskedBert and sentence_vectors.")

# %% [markdown]
# ## 14.pieces · A label for each word, not for each piece
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# People label words; the model reads pieces. To train a tagger, hand the labels over: the first piece of a word gets the word's label, and nothing is
# asked of the others.
#
# - `words` has an entry for each piece: the number of the word that it belongs to, counted from 0, or `None` for a special token or
#   padding. The pieces of a word stand together, and the numbers only rise.
# - `labels[n]` is the label of word `n`, a whole number from 0 on. A word may have no piece at all (it was cut off, or held nothing
#   that the tokenizer knows); neighbours may have the same label.
# - Return a list as long as `words`: the word's label at its first piece, −100 at its other pieces and at `None`.
#
# The trap: the first word has the number 0, and 0 is a label, too.


# %% tags=["14.pieces"]
def piece_labels(words, labels):
    """[word number or None, …], [label of each word, …] -> a label or -100 for each piece."""
    # BEGIN SOLUTION
    out, before = [], None
    for word in words:
        first = word is not None and word != before
        out.append(labels[word] if first else -100)
        before = word
    return out
    # END SOLUTION


# %% tags=["check"]
check("14.pieces", piece_labels)

# %% [markdown]
# **Parts of speech, piece by piece.** The tokenizer of MiniLM cuts some of these words; which pieces are asked?

# %% tags=["demo"]
try:
    tagged = {
        "Transformers": "noun",
        "unhesitatingly": "adverb",
        "outperform": "verb",
        "RNNs": "noun",
    }
    tags = sorted(set(tagged.values()))
    cut = pieces.encode(list(tagged), is_pretokenized=True)
    asked = piece_labels(cut.word_ids, [tags.index(tag) for tag in tagged.values()])
    for name, label in zip(cut.tokens, asked, strict=True):
        print(f"{name:12} {'' if label == -100 else tags[label]}")
except (NotImplementedError, NameError):
    print("First write and run piece_labels.")

# %% [markdown]
# ## 14.span · Where is the answer?
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# A span head answers a question with a stretch of the text: for every token it gives a score that the answer starts there, and
# one that it ends there. Find the best answer.
#
# - `start` and `end` are `(seq,)`, scores (any numbers, all below zero too). `context` is `(seq,)`, True for the tokens of the text; the
#   others are the question and special tokens. The text stands in one piece, of at least one token, anywhere.
# - An answer is a pair of places `(i, j)`: both in the text, `i <= j`, and at most `longest` tokens (1 or more), `i` and `j` included.
# - Return the one whose `start[i] + end[j]` is highest, as two whole numbers: places in the whole sequence, counted from 0. No two answers are
#   equally good.
#
# The trap: the best start and the best end need not belong together.


# %% tags=["14.span"]
def best_span(start, end, context, longest):
    """(seq,), (seq,), (seq,), a length -> the places (i, j) of the best answer's ends."""
    # BEGIN SOLUTION
    seq = len(start)
    length = torch.arange(seq) - torch.arange(seq)[:, None] + 1  # (i, j)
    allowed = (length >= 1) & (length <= longest) & context & context[:, None]
    scores = (start[:, None] + end).masked_fill(~allowed, -torch.inf)
    i, j = divmod(int(scores.argmax()), seq)
    return i, j
    # END SOLUTION


# %% tags=["check"]
check("14.span", best_span)

# %% [markdown]
# **All spans at once.** Random scores for a text of fourteen tokens behind a question of five. The picture shows `start[i] + end[j]` for all
# pairs, and where yours is for a longest length of 1, 3 and 14.

# %% tags=["demo"]
import matplotlib.pyplot as plt

try:
    torch.manual_seed(4)
    start, end = torch.randn(2, 20)
    context = torch.arange(20) > 5
    fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
    ax.imshow(start[:, None] + end, cmap="Greys")
    for longest in (14, 3, 1):
        i, j = best_span(start, end, context, longest)
        ax.plot(j, i, "o", markersize=10, label=f"longest {longest}: ({i}, {j})")
    ax.set(xlabel="end j", ylabel="start i")
    ax.legend()
    plt.show()
except (NotImplementedError, NameError):
    plt.close()
    print("First write and run best_span.")
