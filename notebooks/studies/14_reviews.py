"""Does a review speak for the film? Counted words, an encoder from nothing, MiniLM in two ways."""

import math
import re
import warnings
from collections import Counter
from itertools import islice
from pathlib import Path

import torch
from torch import nn

from course_lib.data.batches import by_tokens, pad
from course_lib.data.reviews import reviews_by_film
from course_lib.models.bert import Bert, BertConfig
from course_lib.nn import add_lora, padding_mask
from course_lib.pretrained.minilm import load_minilm
from course_lib.studies import write_record
from course_lib.training import train

# All settings were chosen by the reviews of fifty films set apart (dev); those of the test films
# were looked at once, by this script.
SEEDS = (0, 1, 2)
SIZES = (300, 1000, 3000)  # labelled reviews, drawn by the seed; and then all there are
COUNTED = {"words": ("word", 1, 2)}
DECAYS = {"words": (0.1, 0.3, 1, 3), "frozen": (100, 1000, 10_000)}
SCRATCH = {"width": 64, "layers": 1, "dropout": 0.5, "rate": 4e-3, "passes": 2, "pool": "mean"}
LORA = {"rank": 8, "alpha": 16, "rate": 1.2e-3}
LORA_STEPS = {300: 40, None: 150}  # of about 36 reviews
DEAL = reviews_by_film(dev=50, test=100)
PARTS = ("train", "dev", "test")
PAD, CLS, SEP = 0, 101, 102
warnings.filterwarnings("ignore", "Sparse invariant checks")


def labels(reviews):
    """1 for a review that speaks for the film."""
    return torch.tensor([float(r.fresh) for r in reviews])


# -- counting ---------------------------------------------------------------------------------


def grams(text, kind, least, most):
    """All runs of `least` to `most` words, or letters."""
    parts = re.findall(r"\w+|[^\w\s]", text.lower()) if kind == "word" else f" {text.lower()} "
    for n in range(least, most + 1):
        for i in range(len(parts) - n + 1):
            yield tuple(parts[i : i + n]) if kind == "word" else parts[i : i + n]


class TfIdf:
    """Texts as sparse rows: how often, times how rare; each row of length one."""

    def __init__(self, texts, how):
        self.how = how
        found = Counter(gram for text in texts for gram in set(grams(text, *how)))
        kept = sorted(((g, n) for g, n in found.items() if n >= 2), key=repr)
        self.ids = {gram: i for i, (gram, _) in enumerate(kept)}
        self.rare = torch.tensor([1 + math.log((1 + len(texts)) / (1 + n)) for _, n in kept])

    def __call__(self, texts):
        places, values = [], []
        for row, text in enumerate(texts):
            counts = Counter(self.ids[g] for g in grams(text, *self.how) if g in self.ids)
            ids = torch.tensor(list(counts), dtype=torch.long)
            weights = (1 + torch.tensor(list(counts.values())).log()) * self.rare[ids]
            places.append(torch.stack([torch.full_like(ids, row), ids]))
            values.append(weights / weights.norm().clamp(min=1e-9))
        size = (len(texts), len(self.ids))
        return torch.sparse_coo_tensor(torch.cat(places, 1), torch.cat(values), size).coalesce()


def logistic(x, y, decay, steps=60):
    """Weights and bias of a logistic regression; `decay` is the cost of a squared weight."""
    weight = torch.zeros(x.shape[1], 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def cost():
        solver.zero_grad()
        scores = (x @ weight)[:, 0] + bias
        loss = nn.functional.binary_cross_entropy_with_logits(scores, y, reduction="sum")
        loss = loss + decay / 2 * weight.square().sum()
        loss.backward()
        return loss

    solver.step(cost)
    return weight.detach(), bias.detach()


def best_linear(x, y, decays):
    """The decay that is best on dev, with its scores: {accuracy on dev and test, decay}, scores."""
    tried = []
    for decay in decays:
        weight, bias = logistic(x["train"], y["train"], decay)
        scores = {p: (x[p] @ weight)[:, 0] + bias for p in ("dev", "test")}
        told = {p: accuracy(scores[p], y[p]) for p in scores} | {"decay": decay}
        tried.append((told, scores))
    return max(tried, key=lambda each: each[0]["dev"])


def accuracy(scores, y):
    """The share of scores on the right side of zero."""
    return ((scores > 0) == y.bool()).float().mean().item()


def drawn(size, seed):
    """Places of `size` reviews of the training part, or of all."""
    count = len(DEAL.train)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[:size] if size else torch.arange(count)


def counting(y, name, chosen):
    """Logistic regression on counted words or letters of the chosen reviews."""
    reviews = {p: getattr(DEAL, p) for p in PARTS}
    texts = {p: [r.text for r in reviews[p]] for p in PARTS}
    texts["train"] = [texts["train"][i] for i in chosen]
    rows = TfIdf(texts["train"], COUNTED[name])
    own = y | {"train": y["train"][chosen]}
    return best_linear({p: rows(texts[p]) for p in PARTS}, own, DECAYS[name])


# -- encoders ---------------------------------------------------------------------------------


def encoded(reviews, tokenizer, most=64):
    """The ids of each review, with [CLS] in front and [SEP] behind, cut where it is too long."""
    return [[*tokenizer.encode(r.text).ids[:-1][: most - 1], SEP] for r in reviews]


def fast():
    """Matrix products in bfloat16: a third of the time where the processor has them."""
    return torch.autocast("cpu", torch.bfloat16)


class Judge(nn.Module):
    """An encoder, one vector of its text, and one number: above 0 speaks for the film."""

    def __init__(self, encoder, d_model, pool="mean", dropout=0.1):
        super().__init__()
        self.encoder, self.pool = encoder, pool
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(d_model, 1))

    def forward(self, ids):
        vectors = self.encoder(ids, padding_mask(ids, PAD))
        if self.pool == "mean":
            real = (ids != PAD)[..., None].float()
            vectors = (vectors * real).sum(1) / real.sum(1)
        else:
            vectors = vectors[:, 0]
        return self.head(vectors)[:, 0]


def batches(rows, y, tokens, seed):
    """Batches of like lengths, pass after pass."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for group in by_tokens([len(row) for row in rows], tokens, generator):
            yield pad([rows[i] for i in group], PAD)[0], y[group]


def fit(judge, rows, y, *, rate, steps, tokens, seed, decay=0.01):
    """Train what learns; rate up for a tenth of the steps, then down in a line."""
    learns = [p for p in judge.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learns, rate, weight_decay=decay)
    rise = max(1, steps // 10)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (steps - step) / (steps - rise))
    )
    judge.train()

    def loss(batch):
        return nn.functional.binary_cross_entropy_with_logits(judge(batch[0]).float(), batch[1])

    some = islice(batches(rows, y, tokens, seed), steps)
    return [record.loss for record in train(loss, some, optimizer, plan, max_norm=1.0)]


@torch.no_grad()
def scores_of(judge, rows):
    """What the judge says of each review."""
    judge.eval()
    found = torch.zeros(len(rows))
    for group in by_tokens([len(row) for row in rows], 4096):
        found[group] = judge(pad([rows[i] for i in group], PAD)[0]).float()
    return found


@torch.no_grad()
def layers_of(model, rows):
    """For each review and layer (the embedding first) the mean of its vectors, and [CLS]."""
    found = torch.zeros(len(rows), len(model.blocks) + 1, 2, model.config.d_model)
    for group in by_tokens([len(row) for row in rows], 2048):
        ids, _ = pad([rows[i] for i in group], PAD)
        mask, real = padding_mask(ids, PAD), (ids != PAD)[..., None].float()
        x = model.embedding(ids)
        for layer in range(found.shape[1]):
            x = model.blocks[layer - 1](x, mask).float() if layer else x
            found[group, layer, 0] = (x * real).sum(1) / real.sum(1)
            found[group, layer, 1] = x[:, 0]
    return found


def frozen(y, features, chosen):
    """A linear layer on what MiniLM, as it is, says of the reviews."""
    x = features | {"train": features["train"][chosen]}
    mean, spread = x["train"].mean(0), x["train"].std(0).clamp(min=1e-3)
    x = {p: (v - mean) / spread for p, v in x.items()}
    return best_linear(x, y | {"train": y["train"][chosen]}, DECAYS["frozen"])


def own_ids(rows):
    """The same pieces, numbered anew: those that training has, and one number for all others."""
    kept = sorted({i for row in rows["train"] for i in row} - {PAD, CLS, SEP})
    new = {PAD: 0, CLS: 1, SEP: 2} | {old: i for i, old in enumerate(kept, 4)}
    return {p: [[new.get(i, 3) for i in row] for row in rows[p]] for p in rows}, len(kept) + 4


def scratch(vocab_size, seed):
    """A small BERT that knows nothing, with its judge."""
    torch.manual_seed(seed)
    width, dropout = SCRATCH["width"], SCRATCH["dropout"]
    sizes = (vocab_size, width, 4, SCRATCH["layers"], 2 * width, 64)
    model = Bert(BertConfig(*sizes, dropout=dropout))
    for table in (model.embedding.word, model.embedding.position, model.embedding.segment):
        nn.init.normal_(table.weight, std=0.02)
    return Judge(model, width, SCRATCH["pool"], dropout)


def tuned(seed):
    """MiniLM with a thin matrix beside each of its own, with its judge."""
    torch.manual_seed(seed)
    model, _ = load_minilm()
    add_lora(model, LORA["rank"], LORA["alpha"])
    return Judge(model, model.config.d_model)


def fitted(judge, rows, y, chosen, *, rate, steps, seed):
    """Train the judge on the chosen reviews: {accuracy on dev and test}, scores."""
    own = [rows["train"][i] for i in chosen]
    fit(judge, own, y["train"][chosen], rate=rate, steps=steps, tokens=1024, seed=seed)
    scores = {p: scores_of(judge, rows[p]) for p in ("dev", "test")}
    return {p: accuracy(scores[p], y[p]) for p in scores}, scores


def first_steps():
    """Losses of the first updates of both encoders, and the weights of a small regression."""
    y = {p: labels(getattr(DEAL, p)) for p in PARTS}
    _, tokenizer = load_minilm()
    rows = {"train": encoded(DEAL.train[:300], tokenizer)}
    few, vocab_size = own_ids(rows)
    given = {"steps": 4, "tokens": 512, "seed": 0}
    found = {
        "scratch": fit(scratch(vocab_size, 0), few["train"], y["train"], rate=2e-3, **given),
        "LoRA": fit(tuned(0), rows["train"], y["train"], rate=LORA["rate"], **given),
    }
    texts = [r.text for r in DEAL.train[:300]]
    weight, _ = logistic(TfIdf(texts, COUNTED["words"])(texts), y["train"][:300], 1.0)
    return found | {"words": weight[:5, 0].tolist()}


def between_films(first, second, rounds=1000):
    """The gain of one over the other on test, in points, and where 95 % of redrawn films put it."""
    films = sorted({r.film for r in DEAL.test})
    place = {film: i for i, film in enumerate(films)}
    which = torch.tensor([place[r.film] for r in DEAL.test])
    gain = torch.zeros(len(films)).index_add(0, which, first - second)
    size = torch.zeros(len(films)).index_add(0, which, torch.ones(len(which)))
    draws = torch.randint(len(films), (rounds, len(films)), generator=torch.manual_seed(0))
    gains = 100 * gain[draws].sum(1) / size[draws].sum(1)
    ends = gains.quantile(torch.tensor([0.025, 0.975])).tolist()
    return [100 * (gain.sum() / size.sum()).item(), *ends]


def main():
    """All four ways; then those that are cheap, and LoRA, with fewer labels."""
    torch.set_num_threads(1)
    y = {p: labels(getattr(DEAL, p)) for p in PARTS}
    model, tokenizer = load_minilm()
    rows = {p: encoded(getattr(DEAL, p), tokenizer) for p in PARTS}
    own, vocab_size = own_ids(rows)
    results = {"sizes": {p: len(y[p]) for p in PARTS}, "fresh": {p: y[p].mean().item() for p in y}}
    results |= {"vocabulary": vocab_size, "curve": {}, "dev": {}, "gain": {}}
    correct, begun = {}, first_steps()

    def keep(name, told, scores, size=None):
        for part, key in (("test", "curve"), ("dev", "dev")):
            sizes = results[key].setdefault(name, {})
            sizes.setdefault(str(size or len(y["train"])), []).append(told[part])
        if size is None:
            correct.setdefault(name, []).append(((scores["test"] > 0) == y["test"].bool()).float())
        print(name, size, told, flush=True)
        mean = {n: torch.stack(each).mean(0) for n, each in correct.items()}
        for n in mean.keys() - {"LoRA"} if "LoRA" in mean else ():
            results["gain"][n] = between_films(mean["LoRA"], mean[n])
        write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)

    def learn(name, size, seed):
        chosen = drawn(size, seed)
        if name == "LoRA":
            with fast():
                steps = LORA_STEPS[size]
                given = {"rate": LORA["rate"], "steps": steps, "seed": seed}
                keep(name, *fitted(tuned(seed), rows, y, chosen, **given), size)
        else:
            steps = round(SCRATCH["passes"] * len(chosen) * 28 / 1024)
            given = {"rate": SCRATCH["rate"], "steps": steps, "seed": seed}
            keep(name, *fitted(scratch(vocab_size, seed), own, y, chosen, **given), size)

    keep("words", *counting(y, "words", drawn(None, 0)))
    for seed in SEEDS:
        learn("scratch", None, seed)
        learn("LoRA", None, seed)
    with fast():
        features = {p: layers_of(model, rows[p]) for p in PARTS}
    for at, which in (("mean", (6, 0)), ("[CLS]", (6, 1))):
        last = {p: v[:, *which] for p, v in features.items()}
        results[f"frozen, {at} of the last layer"] = frozen(y, last, drawn(None, 0))[0]
    features = {p: v[:, :, 0].flatten(1) for p, v in features.items()}
    keep("frozen", *frozen(y, features, drawn(None, 0)))
    for size, seed in ((size, seed) for size in SIZES for seed in SEEDS):
        keep("words", *counting(y, "words", drawn(size, seed)), size)
        keep("frozen", *frozen(y, features, drawn(size, seed)), size)
        for name in {300: ["LoRA"], 3000: ["scratch"]}.get(size, ()):
            learn(name, size, seed)


if __name__ == "__main__":
    main()
