"""What stands on top of a BERT: scores for hidden tokens, for a whole text, for each token."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.models.bert import Bert, BertConfig
from course_lib.models.starting import init_small
from course_lib.nn.masks import Mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm


class MaskedHead(nn.Module):
    """Score each token of the vocabulary at each place.

        logits = norm(gelu(W x + b)) table^T + bias

    `table` is the embedding's own, handed in at each call: stored once, it learns from both ends.

    Source: Devlin et al. 2018, section 3.1 (arXiv:1810.04805); the layers: the authors' code.
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        width = config.d_model if config.d_embedding is None else config.d_embedding
        self.dense = nn.Linear(config.d_model, width)
        self.gelu = nn.GELU(config.gelu)
        self.norm = LayerNorm(width, eps=config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(
        self, x: Float[Tensor, "*batch d_model"], table: Float[Tensor, "vocab width"]
    ) -> Float[Tensor, "*batch vocab"]:
        """Return one score for each token of the vocabulary."""
        return F.linear(self.norm(self.gelu(self.dense(x))), table, self.bias)


class _WithBert(nn.Module):
    """A `Bert` under that name, and what a head of its own makes of its vectors."""

    def __init__(self, config: BertConfig, attention: Callable[..., nn.Module]):
        super().__init__()
        self.bert = Bert(config, attention=attention)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        ids: Int[Tensor, "batch seq"],
        mask: Mask | None = None,
        *,
        segments: Int[Tensor, "batch seq"] | None = None,
        places: Int[Tensor, "batch seq"] | None = None,
    ) -> Float[Tensor, "batch *_"]:
        """Return the head's scores; the arguments are those of `Bert`."""
        return self.score(self.bert(ids, mask, segments=segments, places=places))


class MaskedLM(_WithBert):
    """Read a text in which tokens are hidden, and score what stands at each place.

        logits = head(bert(ids)),   (batch, seq, vocab)

    Matrices and tables start at N(0, 0.02^2), biases at 0, as the authors' do.

    Source: Devlin et al. 2018, section 3.1 (arXiv:1810.04805).
    """

    def __init__(
        self, config: BertConfig, *, attention: Callable[..., nn.Module] = MultiHeadAttention
    ):
        super().__init__(config, attention)
        self.head = MaskedHead(config)
        init_small(self)

    def score(self, x: Float[Tensor, "batch seq d_model"]) -> Float[Tensor, "batch seq vocab"]:
        """Return the scores of every token of the vocabulary at each place."""
        return self.head(x, self.bert.embedding.word.weight)


class Classifier(_WithBert):
    """Score classes for a whole text by the vector of its first token, [CLS].

        logits = W tanh(W_pool x[0] + b_pool) + b,   (batch, classes)

    Source: Devlin et al. 2018, section 4.1 (arXiv:1810.04805); the pooler: the authors' code.
    """

    def __init__(
        self,
        config: BertConfig,
        num_classes: int,
        *,
        attention: Callable[..., nn.Module] = MultiHeadAttention,
    ):
        super().__init__(config, attention)
        self.pool = nn.Linear(config.d_model, config.d_model)
        self.classify = nn.Linear(config.d_model, num_classes)
        init_small(self)

    def score(self, x: Float[Tensor, "batch seq d_model"]) -> Float[Tensor, "batch classes"]:
        """Return the scores of the classes, from the first token alone."""
        return self.classify(self.dropout(self.pool(x[:, 0]).tanh()))


class Tagger(_WithBert):
    """Score classes for each token: tags, or with two classes where an answer starts and ends.

        logits[i] = W x[i] + b,   (batch, seq, classes)

    Source: Devlin et al. 2018, sections 4.2 and 5.3 (arXiv:1810.04805).
    """

    def __init__(
        self,
        config: BertConfig,
        num_classes: int,
        *,
        attention: Callable[..., nn.Module] = MultiHeadAttention,
    ):
        super().__init__(config, attention)
        self.classify = nn.Linear(config.d_model, num_classes)
        init_small(self)

    def score(self, x: Float[Tensor, "batch seq d_model"]) -> Float[Tensor, "batch seq classes"]:
        """Return the scores of the classes at each token."""
        return self.classify(self.dropout(x))
