"""Matrices in 16 bits: the same names and nearly the same numbers, in half the memory."""

import copy

import pytest
import torch
import torch.nn.functional as F
from small_decoder import POSITIONS, SmallDecoder, small_ids
from torch import nn
from torch.testing import assert_close

from course_lib.generation import generate
from course_lib.models import SMOLLM2_135M, Gpt, Seq2Seq, Seq2SeqConfig
from course_lib.models.gpt import GptConfig
from course_lib.nn import (
    HalfLinear,
    HalfTable,
    StaticCache,
    TokenEmbedding,
    half_linear,
    in_half,
    lean,
    reads_half,
)

ROUNDED = 2**-11  # of a number, in float16: half of its last binary digit


@pytest.mark.parametrize("rows", [(1,), (1, 1), (2,), (1, 5), (3, 0)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("by_columns", [True, False])
def test_a_product_is_as_near_as_float16_is(rows, bias, by_columns):
    linear = nn.Linear(37, 11, bias=bias).double()
    if by_columns:
        linear.weight.data = linear.weight.data.T.contiguous().T
    half, x = HalfLinear(linear), torch.randn(*rows, 37).double()
    assert half.weight.dtype == torch.float16 and half.weight.is_contiguous()
    found, sizes = half(x), F.linear(x.abs(), linear.weight.abs())
    assert found.dtype == torch.float64 and not half.weight.requires_grad
    assert ((found - linear(x)).abs() <= 4 * ROUNDED * (sizes + 1)).all()
    assert list(half.state_dict()) == list(linear.state_dict())


def test_several_rows_are_multiplied_as_precisely_as_they_are():
    weight, x = torch.randn(5000, 600).half(), torch.randn(3, 600)  # in two parts
    assert_close(half_linear(x, weight), x @ weight.float().T, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e5, 1e30])
@pytest.mark.parametrize("rows", [1, 2])
def test_what_float16_cannot_hold_is_not_lost(size, rows):
    weight, x = torch.randn(11, 64).half(), size * torch.randn(rows, 64)
    exact = x.double() @ weight.double().T
    assert_close(half_linear(x, weight).double(), exact, rtol=0, atol=size * 0.1)
    x[0, 0] = float("nan")
    assert half_linear(x, weight)[0].isnan().all()


def small_gpt(**given):
    sizes = {"d_model": 16, "num_heads": 4, "num_layers": 2, "d_ff": 24, "max_len": 32}
    return Gpt(GptConfig(23, **sizes, **given)).eval()


def names_and_sizes(model):
    return {name: (x.shape, x.dtype) for name, x in model.state_dict().items()}


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_keeps_its_names_and_its_shared_table(tied):
    model = small_gpt(tied=tied, num_kv_heads=2)
    ids, had = torch.tensor([[1, 5, 9, 2]]), names_and_sizes(model)
    expected = model(ids)
    assert in_half(model) is model
    table = model.embed.table
    assert type(table) is HalfTable and (model.head.weight is table.weight) == tied
    for name, (shape, dtype) in names_and_sizes(model).items():
        matrix = len(shape) == 2 and name != "positions.table"
        assert (shape, torch.float32) == had[name]
        assert dtype == (torch.float16 if matrix else torch.float32), name
    assert_close(model(ids), expected, rtol=0, atol=0.01)
    assert not torch.equal(model(ids), expected)
    again = in_half(copy.deepcopy(model))  # nothing is left to do
    assert torch.equal(again(ids), model(ids))
    assert not tied or again.head.weight is again.embed.table.weight


def test_matrices_take_half_the_memory():
    with torch.device("meta"):
        model = Gpt(SMOLLM2_135M)
    held = sum(p.nbytes for p in model.parameters())
    assert sum(p.nbytes for p in in_half(model).parameters()) == pytest.approx(held / 2, rel=1e-3)


@pytest.mark.parametrize("position", POSITIONS)
def test_a_lean_twin_of_it_writes_the_same(position):
    model = in_half(SmallDecoder(position, num_heads=6, num_kv_heads=2).eval())
    twin, ids = lean(model), small_ids()[:1]
    assert_close(twin(ids), model(ids), rtol=0, atol=1e-5)
    written = generate(twin, ids, max_new_tokens=9, cache=StaticCache(20))
    assert torch.equal(written, generate(model, ids, max_new_tokens=9, cache=StaticCache(20)))


def test_an_encoder_decoder_goes_in_half_too():
    model = Seq2Seq(Seq2SeqConfig(17, 17, 12, 3, 2, 19, max_len=17, tied=True)).eval()
    source, target = torch.tensor([[5, 6, 7, 3]]), torch.tensor([[1, 4]])
    expected = model(source, target)
    assert_close(in_half(model)(source, target), expected, rtol=0, atol=0.02)
    assert model.head.weight.dtype == torch.float16


def test_a_layer_that_stands_there_twice_stays_one():
    layer = nn.Linear(3, 3)
    model = in_half(nn.Sequential(layer, nn.Sequential(layer, nn.ReLU())))
    assert type(model[0]) is HalfLinear and model[0] is model[1][0]
    assert type(in_half(nn.Linear(3, 3))) is HalfLinear


def test_other_embeddings_are_left_alone():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 2))
    assert in_half(model)[0].weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("vectors", "known", "reads"),
    [
        ("AVX512", {"f16c": True}, True),
        ("AVX2", {}, True),
        ("DEFAULT", {"f16c": True}, False),
        ("DEFAULT", {"fp16_arith": True}, True),
        ("DEFAULT", None, False),
    ],
)
def test_the_processor_says_whether_it_reads_half(vectors, known, reads, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: vectors)
    if known is None:  # a PyTorch that can't tell
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert reads_half() is reads


@pytest.mark.parametrize("where", ["stack.blocks.1.feed_forward.down", "embed.table"])
def test_a_matrix_too_large_is_refused_and_nothing_changed(where):
    model = small_gpt()
    before = names_and_sizes(model)
    model.get_submodule(where).weight.data[3, 2] = -7e4
    with pytest.raises(ValueError, match=r"a matrix \(.*\) .* too large for float16: 70000"):
        in_half(model)
    assert names_and_sizes(model) == before


@pytest.mark.parametrize("rows", [1, 2])
def test_small_gradients_reach_x(rows):
    weight, x = torch.randn(11, 64).half(), torch.randn(rows, 64, requires_grad=True)
    along = torch.full((rows, 11), 1e-9)  # no number of float16
    (found,) = torch.autograd.grad(half_linear(x, weight), x, along)
    assert_close(found, along @ weight.float(), rtol=1e-4, atol=0)


def test_a_layer_with_a_hook_keeps_it():
    model, heard = small_gpt(), []
    hooked = model.stack.blocks[0].feed_forward.down
    hooked.register_forward_hook(lambda layer, given, output: heard.append(output))
    in_half(model)(torch.arange(5)[None])
    assert len(heard) == 1 and model.stack.blocks[0].feed_forward.down is hooked
    assert type(model.stack.blocks[1].feed_forward.down) is HalfLinear


def test_a_table_of_another_kind_is_left_alone():
    embedding = TokenEmbedding(5, 4)
    embedding.table = nn.Sequential(embedding.table, nn.Tanh())
    assert type(in_half(embedding).table[0]) is nn.Embedding
