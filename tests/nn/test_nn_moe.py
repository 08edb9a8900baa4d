"""A mixture of experts against its formula, written out token by token."""

import pytest
import torch
from torch.testing import assert_close

from course_lib.nn.feedforward import FeedForward, SwiGLU
from course_lib.nn.moe import MixtureOfExperts

BATCH, SEQ, D_MODEL, D_FF, EXPERTS = 2, 5, 7, 11, 6


def by_hand(layer, x):
    """Every token alone: all experts' scores, the best ones, a softmax over these."""
    rows = []
    for token in x.reshape(-1, D_MODEL):
        scores = layer.router.weight @ token
        best = sorted(range(EXPERTS), key=lambda e: -scores[e].item())[: layer.top_k]
        weights = scores[best].softmax(0)
        row = sum(w * layer.experts[e](token) for w, e in zip(weights, best, strict=True))
        rows.append(row if layer.shared is None else row + layer.shared(token))
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize("shared", [None, FeedForward])
@pytest.mark.parametrize("top_k", [1, 2, EXPERTS])
def test_it_is_the_formula_token_by_token_and_so_are_its_gradients(top_k, shared):
    given = {"num_experts": EXPERTS, "top_k": top_k, "shared": shared}
    layer = MixtureOfExperts(D_MODEL, D_FF, **given).double()
    x = torch.randn(BATCH, SEQ, D_MODEL, dtype=torch.float64, requires_grad=True)
    output, expected = layer(x), by_hand(layer, x)
    assert_close(output, expected)
    along, leaves = torch.randn_like(output), [x, *layer.parameters()]
    ours, theirs = (
        torch.autograd.grad(y, leaves, along, allow_unused=True, materialize_grads=True)
        for y in (output, expected)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other)


def test_experts_that_nobody_is_sent_to_do_nothing_and_cost_nothing():
    layer = MixtureOfExperts(D_MODEL, D_FF, num_experts=EXPERTS, top_k=2)
    with torch.no_grad():
        layer.router.weight.zero_()
        layer.router.weight[3] = layer.router.weight[1] = 1.0
    met = []
    for number, expert in enumerate(layer.experts):
        expert.register_forward_hook(lambda *_, n=number: met.append(n))
    layer(torch.ones(BATCH, SEQ, D_MODEL))
    assert met == [1, 3]


@torch.no_grad()
@pytest.mark.usefixtures("unchecked")
def test_an_exported_or_traced_one_sends_other_tokens_to_other_experts():
    layer = MixtureOfExperts(D_MODEL, D_FF, num_experts=EXPERTS, top_k=1, shared=SwiGLU)
    seen, other = torch.ones(1, 2, D_MODEL), torch.randn(1, 2, D_MODEL)
    program = torch.export.export(layer, (seen,)).module()
    traced = torch.compile(layer, backend="eager", fullgraph=True)
    for x in (seen, other, -seen):
        assert_close(program(x), layer(x))
        assert_close(traced(x), layer(x))


def test_weights_of_a_token_sum_to_one():
    layer = MixtureOfExperts(D_MODEL, D_FF, num_experts=EXPERTS, top_k=3)
    weights, chosen = layer.route(9 * torch.randn(SEQ, D_MODEL))
    assert_close(weights.sum(-1), torch.ones(SEQ))
    assert all(len(set(row)) == 3 for row in chosen.tolist())


def test_no_tokens_give_no_answers():
    layer = MixtureOfExperts(D_MODEL, D_FF, num_experts=EXPERTS, top_k=2)
    assert layer(torch.zeros(BATCH, 0, D_MODEL)).shape == (BATCH, 0, D_MODEL)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_keeps_its_dtype(dtype):
    layer = MixtureOfExperts(D_MODEL, D_FF, num_experts=EXPERTS, top_k=2, shared=SwiGLU)
    x = torch.randn(BATCH, SEQ, D_MODEL).to(dtype)
    exact = layer.double()(x.double())
    output = layer.to(dtype)(x)
    assert output.dtype == dtype
    assert_close(output.double(), exact, rtol=0, atol=0.02)


@pytest.mark.parametrize("top_k", [0, EXPERTS + 1])
def test_a_token_goes_to_one_expert_at_least_and_to_all_at_most(top_k):
    with pytest.raises(ValueError, match=rf"num_experts=6 experts, got top_k={top_k}"):
        MixtureOfExperts(D_MODEL, D_FF, num_experts=EXPERTS, top_k=top_k)
