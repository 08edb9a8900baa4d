"""PyTorch's own tools on our parts: anomalies, second derivatives, vmap, autocast, tracing."""

import copy

import pytest
import torch
from torch.func import functional_call, vmap
from torch.testing import assert_close

from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import causal_mask, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary

BATCH, HEADS, SEQ, D_HEAD = 2, 3, 5, 4
D_MODEL = HEADS * D_HEAD
IDS = torch.tensor([[5, 6, 7, 0, 0], [0, 0, 0, 0, 0]])  # the second may look nowhere
SMALL = Seq2SeqConfig(17, 17, D_MODEL, HEADS, 2, 7, dropout=0.0, tied=True)


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("position", [None, Alibi(HEADS), RelativeBias(HEADS)])
def test_a_row_that_may_look_nowhere_is_no_anomaly(position, return_weights):
    layer = MultiHeadAttention(D_MODEL, HEADS, position=position)
    x = torch.randn(BATCH, SEQ, D_MODEL, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        output = layer(x, mask=padding_mask(IDS, 0), return_weights=return_weights)
        output = output[0] if return_weights else output
        output.square().sum().backward()
    assert x.grad.isfinite().all()


def test_the_readable_attention_has_second_derivatives_where_a_row_looks_nowhere():
    mask = causal_mask(3).clone()
    mask[1] = False
    qkv = [torch.randn(1, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradgradcheck(
        lambda *qkv: scaled_dot_product_attention(*qkv, mask)[0], qkv
    )


def test_second_derivatives_go_by_the_weights_as_the_docstring_says():
    layer = MultiHeadAttention(D_MODEL, HEADS).double()
    x = torch.randn(1, SEQ, D_MODEL, dtype=torch.float64, requires_grad=True)

    def twice(return_weights):
        output = layer(x, return_weights=return_weights)
        output = output[0] if return_weights else output
        (first,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)[0]

    assert twice(True).isfinite().all() and twice(True).any()
    assert "can't be differentiated twice" in MultiHeadAttention.__doc__
    with pytest.raises(RuntimeError, match="not implemented"):
        twice(False)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_models_run_under_vmap():
    models = [Seq2Seq(SMALL).eval() for _ in range(3)]
    params, buffers = torch.func.stack_module_state(models)
    base = copy.deepcopy(models[0]).to("meta")

    def run(params, buffers):
        return functional_call(base, (params, buffers), (IDS[:1], IDS[:1]))

    outputs = vmap(run)(params, buffers)
    for output, model in zip(outputs, models, strict=True):
        assert_close(output, model(IDS[:1], IDS[:1]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("return_weights", [False, True])
def test_autocast_stays_near_full_precision(return_weights, dtype):
    layer, x = MultiHeadAttention(D_MODEL, HEADS), torch.randn(BATCH, SEQ, D_MODEL)
    with torch.autocast("cpu", dtype):
        output = layer(x, mask=causal_mask, return_weights=return_weights)
    output = output[0] if return_weights else output
    assert_close(output.float(), layer(x, mask=causal_mask), rtol=0, atol=0.02)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "given", [{"mask": causal_mask}, {"return_weights": True}], ids=["fused", "explicit"]
)
@pytest.mark.parametrize("position", [None, Rotary(D_HEAD), Alibi(HEADS), RelativeBias(HEADS)])
def test_attention_is_traced_in_one_graph(position, given):
    torch._dynamo.reset()
    layer, x = MultiHeadAttention(D_MODEL, HEADS, position=position), torch.randn(2, 5, D_MODEL)
    traced = torch.compile(layer, backend="eager", fullgraph=True)
    assert_close(traced(x, **given), layer(x, **given))


@pytest.mark.usefixtures("unchecked")
def test_a_whole_model_is_exported():
    model = Seq2Seq(SMALL).eval()
    program = torch.export.export(model, (IDS, IDS + 1))
    assert_close(program.module()(IDS, IDS + 1), model(IDS, IDS + 1), rtol=0, atol=1e-6)
