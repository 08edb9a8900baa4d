# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 · Tokens: exercises
#
# Seven exercises. You count neighbours, join them, and build byte-pair encoding from the two. Then you
# split words that your merges have never met, write the test that a tokenizer must pass, put broken
# letters together again, and work out what a language costs.
#
# In all of them a **byte** has its own value as its id, 0 to 255. A **merge** is a pair of ids, `(left, right)`;
# the token that the first merge makes has the id 256, the next one 257, and so on. Everything is a plain Python
# list: no tensors here.

# %% tags=["setup"]
from collections import Counter
from itertools import pairwise

from course_lib.check import check

# %% [markdown]
# ## 12.count-pairs · Who stands beside whom?
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# Byte-pair encoding asks one question over and over: which two neighbours are the commonest? Count them.
#
# - `words` is a list of `(ids, times)`: a word as a list of ids, and how often the text holds it. A word may
#   stand in the list more than once; then its times add up.
# - Count each pair of neighbours *within* a word, in their order: `(1, 2)` is not `(2, 1)`. Each place where a pair
#   begins counts, so that `[7, 7, 7]` holds `(7, 7)` twice.
# - Return a list of `((left, right), count)`, the commonest pair first. Of equally common pairs the smaller goes first, as
#   Python compares tuples: the smaller `left`, and if these are equal, the smaller `right`.
#
# The trap: the last id of a word and the first of the next are no neighbours.


# %% tags=["12.count-pairs"]
def count_pairs(words):
    """[(ids, times), …] -> [((left, right), count), …], the commonest first."""
    # BEGIN SOLUTION
    counts = Counter()
    for ids, times in words:
        for pair in pairwise(ids):
            counts[pair] += times
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    # END SOLUTION


# %% tags=["check"]
check("12.count-pairs", count_pairs)

# %% [markdown]
# **Your count, on one sentence.** Which two bytes would be joined first?

# %% tags=["demo"]
text = "The animal didn't cross the street because it was too tired"

try:
    found = count_pairs([(list(word.encode()), n) for word, n in Counter(text.split()).items()])
    print(*(f"{chr(left)}{chr(right)} {count}×" for (left, right), count in found[:8]), sep=", ")
except (NotImplementedError, NameError):
    print("First write and run count_pairs.")

# %% [markdown]
# ## 12.merge · Two become one
#
# *Difficulty 1 of 3 · 10 minutes · 2 points*
#
# The function below joins a pair wherever it stands in a list of ids. Its author tried `[1, 2, 3]` with the pair
# `(1, 2)`, printed `[256, 3]`, and went home. It has two faults. Mend it.
#
# - Go from left to right. Where `left` stands right before `right`, write `new_id` for the two; every other id stays.
# - An id is joined once: `[7, 7, 7]` with the pair `(7, 7)` becomes `[256, 7]`.
# - Return a new list. The list that came in stays as it is.
#
# The trap: a function that is right for one call, and spoils what the next one gets.


# %% tags=["12.merge"]
def merge(ids, pair, new_id):
    """Write `new_id` for the pair, wherever it stands in `ids`."""
    # BEGIN SOLUTION
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == tuple(pair):
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged
    # END SOLUTION
    # BEGIN STUB
    # left, right = pair
    # merged, i = ids, 0
    # while i < len(merged) - 2:
    #     if merged[i] == left and merged[i + 1] == right:
    #         merged[i : i + 2] = [new_id]
    #     i += 1
    # return merged
    # END STUB


# %% tags=["check"]
check("12.merge", merge)

# %% [markdown]
# ## 12.train · Learn the merges
#
# *Build · difficulty 3 of 3 · 30 minutes · 4 points*
#
# Now build the training of byte-pair encoding, from an empty function. Nothing in it is a neural network: it counts, joins, and
# counts again. `count_pairs` and `merge` may help, if your own are right; write it without `train_bpe` of the course's library.
#
# - `words` is a dictionary: each word and how often the text holds it, as `{"low": 5, "lower": 2}`. A word begins as its
#   bytes in UTF-8: `"é"` is two ids. Nothing is ever joined across the border of two words.
# - Each round, take the pair that is commonest *now*, every word counted as often as the text holds it. As above, each place
#   where a pair begins counts, and of equally common pairs the smaller one goes first.
# - Join it in all words, from left to right, under the next free id: 256 for the first merge. What is made
#   may be joined again, with a byte, with another token, or with itself.
# - Stop after `num_merges` merges. Stop earlier only when no word has two ids left: a pair that occurs once is
#   still a pair.
# - Return the merges as a list of `(left, right)`, in the order in which they were learned.
#
# The trap: one merge changes the counts of its neighbours, up and down.


# %% tags=["12.train"]
def learn_merges(words, num_merges):
    """{word: times, …} -> [(left, right), …], at most `num_merges` of them."""
    # BEGIN SOLUTION
    rows = [(list(word.encode()), times) for word, times in words.items()]
    merges = []
    while len(merges) < num_merges and (counted := count_pairs(rows)):
        pair, _ = counted[0]
        rows = [(merge(ids, pair, 256 + len(merges)), times) for ids, times in rows]
        merges.append(pair)
    return merges
    # END SOLUTION


# %% tags=["check"]
check("12.train", learn_merges)

# %% [markdown]
# **Your merges from Shakespeare.** The next cell hands your function the 1,500 commonest words of 38 plays, and prints what
# it joined first and which of its tokens are longest. This takes a few seconds. Then it asks the course's own function, which
# keeps its counts up to date instead of counting again.

# %% tags=["demo"]
from course_lib.claims import claim
from course_lib.data.bpe import FIRST
from course_lib.data.bpe_training import train_bpe
from course_lib.data.corpora import shakespeare


def bytes_of(merges):
    """The bytes of each token."""
    tokens = [bytes([b]) for b in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


try:
    plain = Counter(word for word in shakespeare().split() if word.isascii())
    common = dict(plain.most_common(1500))
    merges = learn_merges(common, 200)
    made = [token.decode() for token in bytes_of(merges)[256:]]
    print("first:  ", *made[:20])
    print("longest:", *sorted(made, key=len)[-12:])
    # The library numbers the bytes as GPT-2 does.
    ours = [tuple(i if i > 255 else FIRST.index(i) for i in pair) for pair in merges]
    theirs = train_bpe(
        " ".join(word for word in common for _ in range(common[word])), 456, str.split
    )
    claim("your merges are those of course_lib", ours == theirs)
except (NotImplementedError, NameError):
    print("First write and run learn_merges.")

# %% [markdown]
# ## 12.encode · Split a word that nobody has met
#
# *Difficulty 2 of 3 · 15 minutes · 2 points*
#
# Training is over, and a new word comes in. Turn it into tokens with the merges that were learned.
#
# - `word` is a text, and begins as its bytes in UTF-8. `merges` is a list of `(left, right)`; number `i` makes the
#   token `256 + i`. No merge stands in it twice, and each names only what is made before it.
# - Among all neighbours in the word, find the pair that was *learned first*. Join it, the leftmost first if it stands there more than
#   once. Repeat until no neighbours are a merge. What was joined may be joined again.
# - Return a list of ids. A word may be empty or of one byte, and there may be no merges. Write it without
#   `BytePairEncoding` of the course's library.
#
# The trap: the first pair that you meet from the left, and the longest token that fits, are other rules. They
# give the same tokens often, and not always.


# %% tags=["12.encode"]
def encode(word, merges):
    """A word and [(left, right), …] -> the ids of its tokens."""
    # BEGIN SOLUTION
    ids = list(word.encode())
    made = {pair: 256 + i for i, pair in enumerate(merges)}
    while known := [made[pair] for pair in pairwise(ids) if pair in made]:
        first = min(known)
        ids = merge(ids, merges[first - 256], first)
    return ids
    # END SOLUTION


# %% tags=["check"]
check("12.encode", encode)

# %% [markdown]
# ## 12.round-trip · The test that a tokenizer must pass
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# Somebody sends a new tokenizer, and a record of what it did. Did it keep everything? Write the test.
#
# - `texts` is a list of texts, `ids` what the tokenizer made of each of them (a list of lists), and `decoded` the texts that it
#   made of those ids. Number `i` of each belongs together. A record of another length than `texts` is a broken record: return `False`.
# - Return `True` if every text came back exactly as it was, character by character, *and* every id is one of the vocabulary's,
#   0 to `vocab_size - 1`. Otherwise return `False`.
# - Exactly is exactly: another case, a space more or less, another kind of line end, an accent stored in another way, a lost emoji are all losses.
# - A text may be empty, and an empty text may have no ids. With no texts at all, nothing was lost.
#
# The trap: two texts that look the same on your screen need not be the same characters.


# %% tags=["12.round-trip"]
def is_lossless(texts, ids, decoded, vocab_size):
    """Did every text come back exactly, by ids of the vocabulary?"""
    # BEGIN SOLUTION
    inside = all(0 <= i < vocab_size for row in ids for i in row)
    return len(ids) == len(texts) and decoded == texts and inside
    # END SOLUTION


# %% tags=["check"]
check("12.round-trip", is_lossless)

# %% [markdown]
# **Your test at work.** GPT-2's tokenizer works on bytes; MiniLM's, of chapter 03, works on lower-cased words and
# pieces of words. What does your test say of each, text by text?

# %% tags=["demo"]
from tokenizers import Tokenizer

from course_lib.data.gpt2 import gpt2_tokenizer
from course_lib.pretrained.minilm import minilm_folder

try:
    gpt2 = gpt2_tokenizer()
    minilm = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    for text in ["the animal", "The animal", "the  animal", "didn't", "caf\u00e9", "動物 🙂"]:
        ids = gpt2.encode(text)
        byte_pairs = is_lossless([text], [ids], [gpt2.decode(ids)], len(gpt2))
        ids = minilm.encode(text, add_special_tokens=False).ids
        pieces = is_lossless([text], [ids], [minilm.decode(ids)], minilm.get_vocab_size())
        print(f"{text!r:14} GPT-2: {byte_pairs!s:6} MiniLM: {pieces}")
except (NotImplementedError, NameError):
    print("First write and run is_lossless.")

# %% [markdown]
# ## 12.decode · Half a letter is no letter
#
# *Difficulty 2 of 3 · 10 minutes · 2 points*
#
# "English comes back, Japanese doesn't." The function below turns tokens into text. It has two faults, and
# neither shows in English. Mend it.
#
# - `ids` is a list of ids, and `merges` the list of `(left, right)` that made the tokens above 255.
# - A token is a few bytes. A letter may be spread over several tokens: `[195, 169]` is `é`.
# - Bytes that are no UTF-8, even when all are together, become `"\ufffd"` (the sign �, which says
#   "something was here"), as Python's `errors="replace"` writes it. Nothing vanishes.
# - Every other text comes back exactly, spaces and line ends included.


# %% tags=["12.decode"]
def decode(ids, merges):
    """Ids and the merges that made them -> the text."""
    # BEGIN SOLUTION
    tokens = [bytes([b]) for b in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return b"".join(tokens[i] for i in ids).decode("utf-8", errors="replace")
    # END SOLUTION
    # BEGIN STUB
    # tokens = [bytes([b]) for b in range(256)]
    # for left, right in merges:
    #     tokens.append(tokens[left] + tokens[right])
    # return "".join(tokens[i].decode("utf-8", errors="ignore") for i in ids)
    # END STUB


# %% tags=["check"]
check("12.decode", decode)

# %% [markdown]
# **There and back.** Your merges, your tokens, your text.

# %% tags=["demo"]
try:
    for word in ["street", "animal", "tokenizer", "straße", "動物"]:
        ids = encode(word, merges)
        print(f"{decode(ids, merges)}: {len(ids)} tokens, {[decode([i], merges) for i in ids]}")
except (NotImplementedError, NameError):
    print("First write and run learn_merges and encode.")

# %% [markdown]
# ## 12.cost · The price of a language
#
# *Difficulty 1 of 3 · 5 minutes · 1 point*
#
# One text, two languages. In English a tokenizer makes `english` tokens of it. The other language's script takes
# {{per_character}} bytes for each character in UTF-8, and the same tokenizer gets fewer characters into a token. Don't run anything: count. Return
# three numbers for the text in the other language, which has `characters` characters:
#
# 1. its **bytes**, a whole number;
# 2. its **tokens**, a whole number: each token holds `bytes_per_token` bytes, but for the last one, which holds what is left;
# 3. **how many times as many attention weights** one head computes for it as for the English text, when every token looks at every token.
#
# The trap: one of the three grows faster than the others.


# %% tags=["12.cost"]
def language_cost(characters, bytes_per_token, english):
    """Return (bytes, tokens, times as many weights), at {{per_character}} bytes a character."""
    # BEGIN SOLUTION
    per_character = 3
    n_bytes = characters * per_character
    tokens = -(-n_bytes // bytes_per_token)
    return n_bytes, tokens, (tokens / english) ** 2
    # END SOLUTION


# %% tags=["check"]
check("12.cost", language_cost)
