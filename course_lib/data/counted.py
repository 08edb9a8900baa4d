"""Texts as counted words, and a judge that gives each word one weight: an opponent to beat."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def words_and_pairs(text: str) -> list[str]:
    """Words and signs in small letters, then each two neighbours."""
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


class TfIdf:
    """Texts as sparse rows of length one: how often a word is there, times how rare it is.

        (1 + ln count) (1 + ln((1 + texts) / (1 + texts with the word))),   over the row's length

    Words, and pairs of them, that only one text has are left out; so are unknown ones later.

    Raises `ValueError` when no text is given.
    """

    def __init__(self, texts: Sequence[str]):
        if not texts:
            raise ValueError("TfIdf counts texts, got none")
        seen = Counter(word for text in texts for word in set(words_and_pairs(text)))
        self.words = sorted(word for word, count in seen.items() if count > 1)
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.rare = [1 + math.log((1 + len(texts)) / (1 + seen[word])) for word in self.words]

    def __call__(self, texts: Sequence[str]) -> Float[Tensor, "text word"]:
        """Return the rows of these texts."""
        places: list[tuple[int, int]] = []
        values: list[float] = []
        for row, text in enumerate(texts):
            counts = Counter(self.ids[w] for w in words_and_pairs(text) if w in self.ids)
            weights = [(1 + math.log(n)) * self.rare[i] for i, n in counts.items()]
            length = math.hypot(*weights) or 1.0
            places += [(row, i) for i in counts]
            values += [weight / length for weight in weights]
        where = torch.tensor(places, dtype=torch.long).view(-1, 2).T
        size = len(texts), len(self.words)
        return torch.sparse_coo_tensor(where, values, size, check_invariants=True).coalesce()


def logistic_regression(
    x: Float[Tensor, "item feature"], y: Float[Tensor, " item"], decay: float, rounds: int = 60
) -> tuple[Float[Tensor, " feature"], Float[Tensor, ""]]:
    """Return the weights and the bias that make the labels `y`, 0 or 1, likeliest.

        cost = sum of cross-entropies of x w + b  +  decay / 2  |w|^2

    `x` may be sparse. Raises `ValueError` unless `decay` is positive.
    """
    if not decay > 0:
        raise ValueError(f"decay must be positive, got {decay=}")
    weight = torch.zeros(x.shape[1], 1, requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=rounds, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        solver.zero_grad()
        scores = (x @ weight)[:, 0] + bias
        loss = F.binary_cross_entropy_with_logits(scores, y, reduction="sum")
        loss = loss + decay / 2 * weight.square().sum()
        loss.backward()
        return loss

    solver.step(cost)
    return weight.detach()[:, 0], bias.detach()
