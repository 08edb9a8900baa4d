"""Interface sentences, English to French: a small Transformer against copying, the nearest sentence
that was learned from, and a dictionary learned by IBM's model 1."""

import re
import time
from collections import Counter, defaultdict
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from sacrebleu.metrics import BLEU, CHRF
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from course_lib.data.batches import by_tokens, pad
from course_lib.data.bpe import BytePairEncoding
from course_lib.data.bpe_training import train_bpe
from course_lib.data.catalogues import alone, interface_sentences, interface_texts, normalised
from course_lib.data.catalogues import near_keys as keys_of
from course_lib.data.splits import split
from course_lib.generation import beam_search
from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn.blocks import PreNorm
from course_lib.nn.cache import GrowingCache
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.nn.positions.rotary import Rotary
from course_lib.studies import write_record
from course_lib.training import cross_entropy, train

SEEDS = (0, 1, 2)
VOCAB, LONGEST, MOST = 2000, 15, 60  # tokens, words to learn from, tokens to write
SIZES = {"d_model": 128, "num_heads": 4, "num_layers": (2, 1), "d_ff": 256, "dropout": 0.2}
EPOCHS, TOKENS, RATES, WARM_UP, SMOOTHING = 12, 1500, (0.02, 0.004), 100, 0.1
BEAMS, ROUNDS = 4, 6
PIECES = re.compile(r"\w+(?:['’-]\w+)*['’]?|[^\w\s]")


def prepare():
    """Dev and test have no near text anywhere else; what is left is learned from."""
    texts = interface_texts()
    parts = split(alone(interface_sentences(), texts), dev=300, test=600)
    held = {*parts.dev, *parts.test}
    short = [pair for pair in texts if all(len(text.split()) <= LONGEST for text in pair)]
    return [pair for pair in short if pair not in held], parts.dev, parts.test


TRAIN, DEV, TEST = prepare()


def scores(found, pairs):
    """chrF and BLEU over all sentences, and the share that is the translator's word for word."""
    wanted = [french for _, french in pairs]
    return {
        "chrf": CHRF().corpus_score(found, [wanted]).score,
        "bleu": BLEU().corpus_score(found, [wanted]).score,
        "exact": sum(map(str.__eq__, found, wanted)) / len(wanted),
    }


# %% the nearest sentence


class Nearest:
    """The text to learn from that shares most of its rare words and trigrams, by cosine."""

    def __init__(self, pairs):
        self.pairs, self.keys = pairs, [keys_of(english) for english, _ in pairs]
        often = Counter(part for english, _ in pairs for part in set(self.parts(english)))
        self.ids = {part: i for i, part in enumerate(p for p, n in often.items() if n > 1)}
        self.weight = torch.tensor([len(pairs) / often[part] for part in self.ids]).log()
        self.table = self.vectors(english for english, _ in pairs)

    def parts(self, english):
        """Words, and within them three letters in a row."""
        words = normalised(english).split()
        three = [f"#{w}#"[i : i + 3] for w in words for i in range(len(w))]
        return [*(f"={word}" for word in words), *three]

    def vectors(self, texts):
        """One vector of length 1 for each text."""
        texts = list(texts)
        table = torch.zeros(len(texts), len(self.ids))
        for row, english in zip(table, texts, strict=True):
            for part in self.parts(english):
                if part in self.ids:
                    row[self.ids[part]] = 1.0
        return nn.functional.normalize(table * self.weight, dim=1)

    def of(self, texts):
        """Of each text the nearest pair that isn't near in its words, and the cosine."""
        found = []
        for text, row in zip(texts, self.vectors(texts) @ self.table.T, strict=True):
            mine = keys_of(text)
            for i in row.argsort(descending=True).tolist():
                if not mine & self.keys[i]:
                    found.append((*self.pairs[i], row[i].item()))
                    break
        return found


# %% a dictionary


def pieces(text):
    """Words and signs, small."""
    return PIECES.findall(text.lower())


def dictionary(pairs, rounds=ROUNDS):
    """P(French word | English word) by IBM's model 1, each sentence with one empty word more.

    Source: Brown et al. 1993, section 4.2.
    """
    known = [(["", *pieces(english)], pieces(french)) for english, french in pairs]
    chance = None
    for _ in range(rounds):
        count, total = defaultdict(float), defaultdict(float)
        for english, french in known:
            for word in french:
                all_of = sum(chance[e, word] for e in english) if chance else len(english)
                for e in english:
                    share = (chance[e, word] if chance else 1) / all_of
                    count[e, word] += share
                    total[e] += share
        chance = {pair: n / total[pair[0]] for pair, n in count.items()}
    return chance


def best_words(pairs, both_ways):
    """The French for each English word; `both_ways` multiplies the chances of both directions."""
    there = dictionary(pairs)
    back = dictionary([(french, english) for english, french in pairs]) if both_ways else None
    best = {}
    for (english, french), p in there.items():
        score = p * back[french, english] if both_ways and english else p
        best[english] = max(best.get(english, (0.0, "")), (score, french))
    return {english: french for english, (_, french) in best.items()}


def by_words(english, words):
    """One word after the other in the dictionary; what isn't there stays."""
    text = " ".join(words.get(piece, piece) for piece in pieces(english))
    text = re.sub(r" ([,.)…])|([(]) |(['’]) ", r"\1\2\3", text)
    return text[:1].upper() + text[1:] if english[:1].isupper() else text


# %% the model


class Both(Optimizer):
    """Muon for the matrices inside the model, AdamW for the tables and the rest."""

    def __init__(self, model, matrix_rate, other_rate):
        inner = [*model.encoder.parameters(), *model.decoder.parameters()]
        matrices = [p for p in inner if p.ndim == 2]
        kept = {id(p) for p in matrices}
        rest = [p for p in model.parameters() if id(p) not in kept]
        self.parts = (
            Muon(matrices, lr=matrix_rate, weight_decay=0.0),
            AdamW(rest, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )
        super().__init__([group for part in self.parts for group in part.param_groups], {})

    def step(self, closure=None):
        for part in self.parts:
            part.step()


class Translator:
    """A vocabulary for both languages, and a model."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        texts = [text for pair in TRAIN for text in pair]
        self.bpe = BytePairEncoding(train_bpe(texts, VOCAB), ("<pad>", "<start>", "<end>"))
        self.pad, self.start, self.end = self.bpe.specials.values()
        rotary = partial(
            MultiHeadAttention, position=Rotary(SIZES["d_model"] // SIZES["num_heads"])
        )
        self.model = Seq2Seq(
            Seq2SeqConfig(len(self.bpe), len(self.bpe), **SIZES, tied=True, pad_id=self.pad),
            attention=rotary,
            cross_attention=MultiHeadAttention,
            position=lambda *_: nn.Identity(),
            residual=PreNorm,
            norm=RMSNorm,
            last_norm=RMSNorm,
        )
        self.seed = seed

    def read(self, texts):
        """What the encoder reads of each text, as ids."""
        return [[*self.bpe.encode(text)[:MOST], self.end] for text in texts]

    def batches(self, epochs):
        """For each epoch, each pair once."""
        dice = torch.Generator().manual_seed(self.seed)
        read = self.read([english for english, _ in TRAIN])
        french = (self.bpe.encode(french)[:MOST] for _, french in TRAIN)
        written = [[self.start, *ids, self.end] for ids in french]
        lengths = [len(a) + len(b) for a, b in zip(read, written, strict=True)]
        for _ in range(epochs):
            for group in by_tokens(lengths, TOKENS, dice):
                source, _ = pad([read[i] for i in group], self.pad)
                yield source, pad([written[i] for i in group], self.pad)[0]

    def learn(self, epochs=EPOCHS):
        """The records of a run: the rate rises, then falls in a line to nothing."""
        made = list(self.batches(epochs))

        def rate(step):
            return min((step + 1) / WARM_UP, 1 - step / len(made))

        def loss(batch):
            logits = self.model(batch[0], batch[1][:, :-1])
            wanted = batch[1][:, 1:]
            return cross_entropy(logits, wanted, smoothing=SMOOTHING, pad_id=self.pad)

        both = Both(self.model, *RATES)
        return train(loss, made, both, LambdaLR(both, rate), max_norm=1.0)

    @torch.no_grad()
    def translate(self, texts, beams=BEAMS):
        """The likeliest French for each text that the beams find."""
        rows, found = self.read(texts), [""] * len(texts)
        order = sorted(range(len(texts)), key=lambda i: len(rows[i]))
        self.model.eval()
        for some in (order[i : i + 50] for i in range(0, len(order), 50)):
            source, _ = pad([rows[i] for i in some], self.pad)
            memory = self.model.encode(source)

            def score(ids, cache, memory=memory, source=source):
                each = len(ids) // len(source)  # beams of a text stand one after the other
                memory, source = (x.repeat_interleave(each, 0) for x in (memory, source))
                return self.model.decode(ids, memory, source, cache=cache)

            begin = torch.full((len(some), 1), self.start)
            how = {"end_id": self.end, "pad_id": self.pad, "cache": GrowingCache()}
            best = beam_search(score, begin, num_beams=beams, max_new_tokens=MOST, **how)
            for i, ids in zip(some, best.ids[:, 0, 1:].tolist(), strict=True):
                ids = ids[: ids.index(self.end)] if self.end in ids else ids
                found[i] = self.bpe.decode(x for x in ids if x != self.pad)
        return found


# %% what they wrote


def thirds(nearest):
    """Two cosines that cut sentences into three equal groups, rounded to be said."""
    cosines = sorted(cosine for *_, cosine in nearest)
    return [round(cosines[len(cosines) * i // 3], 2) for i in (1, 2)]


def groups_of(english, cosine, cuts):
    """The groups that a sentence belongs to."""
    words, (low, high) = len(english.split()), cuts
    length = "2–3 words" if words < 4 else "4–6 words" if words < 7 else "7–12 words"
    near = "far" if cosine < low else "between" if cosine < high else "near"
    return length, near


def in_groups(sides, nearest, cuts):
    """All scores of every side's runs, for short and long, near and far sentences."""
    members = defaultdict(list)
    for i, ((english, _), (_, _, cosine)) in enumerate(zip(TEST, nearest, strict=True)):
        for group in groups_of(english, cosine, cuts):
            members[group].append(i)
    found = {}
    for group, places in members.items():
        pairs = [TEST[i] for i in places]
        found[group] = {"sentences": len(places)} | {
            side: [scores([written[i] for i in places], pairs) for written in runs]
            for side, runs in sides.items()
        }
    return found


def counting():
    """The sides that don't learn by gradient: which dictionary by dev, then the test."""
    english = {"dev": [e for e, _ in DEV], "test": [e for e, _ in TEST]}
    nearest = {part: Nearest(TRAIN).of(texts) for part, texts in english.items()}
    dev = {
        "copy": scores(english["dev"], DEV),
        "nearest": scores([french for _, french, _ in nearest["dev"]], DEV),
    }
    words = {name: best_words(TRAIN, name == "both ways") for name in ("one way", "both ways")}
    for name, known in words.items():
        dev[f"dictionary, {name}"] = scores([by_words(e, known) for e in english["dev"]], DEV)
    best = max(words, key=lambda name: dev[f"dictionary, {name}"]["chrf"])
    test = {
        "copy": english["test"],
        "nearest": [french for _, french, _ in nearest["test"]],
        "dictionary": [by_words(e, words[best]) for e in english["test"]],
    }
    return {
        "dev": dev,
        "test": test,
        "nearest": nearest["test"],
        "cuts": thirds(nearest["dev"]),
    }


def study_one(seed):
    """Train one model; how it went, its scores on dev, and what it writes for the test."""
    translator, began = Translator(seed), time.process_time()
    losses = [record.loss for record in translator.learn()]
    found = {
        "steps": len(losses),
        "seconds": time.process_time() - began,
        "parameters": sum(p.numel() for p in translator.model.parameters()),
        "curve": [sum(losses[i : i + 50]) / 50 for i in range(0, len(losses) - 49, 50)],
        "dev": scores(translator.translate([english for english, _ in DEV]), DEV),
    }
    print(found, flush=True)
    return found, translator.translate([english for english, _ in TEST])


def first_steps():
    """The first losses of a model, and the first chances of a dictionary."""
    records = islice(Translator(SEEDS[0]).learn(epochs=1), 4)
    losses = [record.loss for record in records]
    chance = dictionary(TRAIN[:400], rounds=2)
    return {"losses": losses, "dictionary": [chance["file", "fichier"], chance["the", "le"]]}


def run():
    """All sides on the test, once."""
    counted = counting()
    runs, written = zip(*map(study_one, SEEDS), strict=True)
    written = {side: [texts] for side, texts in counted["test"].items()} | {"model": written}
    return {
        "sizes": {"train": len(TRAIN), "dev": len(DEV), "test": len(TEST)},
        "dev": counted["dev"],
        "runs": runs,
        "test": {side: [scores(texts, TEST) for texts in each] for side, each in written.items()},
        "cuts": counted["cuts"],
        "groups": in_groups(written, counted["nearest"], counted["cuts"]),
        "examples": [
            {"english": english, "french": french, "nearest english": counted["nearest"][i][0]}
            | {side: each[0][i] for side, each in written.items()}
            for i, (english, french) in enumerate(TEST[:30])
        ],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
