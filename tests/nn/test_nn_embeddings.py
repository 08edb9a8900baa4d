"""Embedding and tied head."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from course_lib.nn import lean
from course_lib.nn.embeddings import TiedHead, TokenEmbedding, check_tied

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


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_scale_of_ones_own_replaces_the_papers(scale):
    embedding = TokenEmbedding(5003, 7, scale=scale)
    ids = torch.tensor([[3, 11]])
    assert torch.equal(embedding(ids), scale * embedding.table.weight[ids])
    assert abs(embedding(torch.arange(5003)).std() - 1) < 0.02


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ValueError, match=f"a scale must be positive, got scale={scale}"):
        TokenEmbedding(5, 7, scale=scale)


def test_a_tied_head_may_have_a_bias_and_names_no_table():
    embedding = TokenEmbedding(5, 7).double()
    head = TiedHead(embedding, bias=True).double()
    nn.init.normal_(head.bias)
    x = torch.randn(2, 3, 7).double()
    assert_close(head(x), x @ embedding.table.weight.T + head.bias)
    assert list(head.state_dict()) == ["bias"] and not list(TiedHead(embedding).parameters())


def test_a_head_is_told_from_one_of_another_embedding():
    embedding, other = TokenEmbedding(5, 7), TokenEmbedding(5, 7)
    head = TiedHead(embedding)
    wrapped = nn.Sequential(nn.Identity(), embedding)
    for fine in (embedding, wrapped, lean(embedding), lean(wrapped)):
        check_tied(head, fine)
    check_tied(lean(head), lean(embedding))
    check_tied(*copy.deepcopy([head, embedding]))
    check_tied(nn.Linear(7, 5), other)
    with pytest.raises(ValueError, match=r"still reads the table \(5, 7\) of the embedding"):
        check_tied(head, other)
    nn.utils.parametrize.register_parametrization(embedding.table, "weight", nn.Identity())
    check_tied(head, embedding)
