"""Embedding and tied head."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from course_lib.nn.embeddings import TiedHead, TokenEmbedding

BATCH, SEQ, D_MODEL, VOCAB = 2, 5, 13, 17


def test_an_embedding_is_a_scaled_row_of_its_table():
    embed, ids = TokenEmbedding(VOCAB, D_MODEL), torch.randint(VOCAB, (BATCH, SEQ))
    one_hot = F.one_hot(ids, VOCAB).float()
    assert_close(embed(ids), one_hot @ embed.table.weight * math.sqrt(D_MODEL))


def test_embeddings_start_with_a_standard_deviation_of_1():
    x = TokenEmbedding(997, 101)(torch.arange(997))
    assert abs(x.std().item() - 1) < 0.02  # 100,697 draws: four standard errors are 0.009


@pytest.mark.parametrize("ids, found", [([0, 17], "0 to 17"), ([-1, 3], "-1 to 3")])
def test_an_unknown_id_is_refused(ids, found):
    with pytest.raises(ValueError, match=f"ids must be 0 to 16, got {found}"):
        TokenEmbedding(VOCAB, D_MODEL)(torch.tensor([ids]))


def test_the_tied_head_scores_by_dot_product_and_learns_into_the_same_table():
    embed = TokenEmbedding(VOCAB, D_MODEL)
    head, x = TiedHead(embed), torch.randn(BATCH, SEQ, D_MODEL)
    assert_close(head(x), torch.einsum("btd,vd->btv", x, embed.table.weight))
    assert head.weight is embed.table.weight
    head(embed(torch.tensor([[3]]))).sum().backward()
    expected = embed.table.weight.detach().sum(0) * math.sqrt(D_MODEL)  # through the lookup
    through_head = embed.table.weight.detach()[3] * math.sqrt(D_MODEL)
    gradient = through_head.expand(VOCAB, -1).clone()
    gradient[3] += expected
    assert_close(embed.table.weight.grad, gradient)
