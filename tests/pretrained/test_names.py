"""Weights arrive under our names, all of them, or not at all."""

import pytest
import torch
from torch import nn

from course_lib.nn.embeddings import TokenEmbedding
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.pretrained.names import Transposed, expand_layers, load_renamed

TABLE = {"theirs.first": "0", "theirs.last": "2"}


def model_and_tensors():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 5, bias=False))
    tensors = {
        "theirs.first.weight": torch.randn(3, 2),
        "theirs.first.bias": torch.randn(3),
        "theirs.last.weight": torch.randn(5, 3),
    }
    return model, tensors


def test_rows_with_a_layer_number_are_written_out():
    table = {"embed": "embedding", "layer.{i}.query": "blocks.{i}.to_q"}
    assert expand_layers(table, 2) == {
        "embed": "embedding",
        "layer.0.query": "blocks.0.to_q",
        "layer.1.query": "blocks.1.to_q",
    }


def test_tensors_go_where_the_table_says():
    model, tensors = model_and_tensors()
    load_renamed(model, tensors | {"extra": torch.ones(1)}, TABLE, unused=["extra"])
    assert torch.equal(model[0].weight, tensors["theirs.first.weight"])
    assert torch.equal(model[0].bias, tensors["theirs.first.bias"])
    assert torch.equal(model[2].weight, tensors["theirs.last.weight"])


def test_a_missing_tensor_is_named_as_in_the_file():
    model, tensors = model_and_tensors()
    del tensors["theirs.last.weight"]
    with pytest.raises(ValueError, match=r"missing=\['theirs\.last\.weight'\], unexpected=\[\]"):
        load_renamed(model, tensors, TABLE)


@pytest.mark.parametrize("name", ["extra", "theirs.middle.weight", "theirs.last.bias"])
def test_an_unexpected_tensor_is_named(name):
    model, tensors = model_and_tensors()
    with pytest.raises(ValueError, match=rf"missing=\[\], unexpected=\['{name}'\]"):
        load_renamed(model, tensors | {name: torch.ones(5)}, TABLE)


def test_a_refused_file_leaves_the_model_as_it_was():
    model, tensors = model_and_tensors()
    before = model[0].weight.clone()
    with pytest.raises(ValueError):
        load_renamed(model, tensors | {"extra": torch.ones(1)}, TABLE)
    assert torch.equal(model[0].weight, before)


def test_a_tensor_of_another_size_is_refused():
    model, tensors = model_and_tensors()
    tensors["theirs.first.weight"] = torch.randn(3, 4)
    with pytest.raises(ValueError, match=r"theirs\.first\.weight is \(3, 4\), not \(3, 2\)"):
        load_renamed(model, tensors, TABLE)


def test_all_tensors_of_another_size_are_named_with_what_else_does_not_fit():
    model, tensors = model_and_tensors()
    tensors |= {"theirs.first.weight": torch.randn(3, 4), "theirs.first.bias": torch.tensor(1.0)}
    del tensors["theirs.last.weight"]
    says = (
        r"missing=\['theirs\.last\.weight'\].* misshapen=\['theirs\.first\.weight is \(3, 4\), not"
    )
    with pytest.raises(
        ValueError, match=rf"{says} \(3, 2\)', 'theirs\.first\.bias is \(\), not \(3,\)"
    ):
        load_renamed(model, tensors, TABLE)


def test_a_part_of_the_model_that_no_row_fills_is_named():
    model, tensors = model_and_tensors()
    del tensors["theirs.last.weight"]
    with pytest.raises(ValueError, match=r"unmapped=\['2\.weight'\]"):
        load_renamed(model, tensors, {"theirs.first": "0"})


class Own(nn.Module):
    """Parameters of other names than weight and bias, and a head that shares the table."""

    def __init__(self):
        super().__init__()
        self.embedding, self.positions = TokenEmbedding(7, 4), LearnedPositions(4, 5)
        self.attention = MultiHeadAttention(4, 2, 1, bias_out=False)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.table.weight


def fused_file():
    """GPT-2's habits: (in, out), queries, keys and values in one, the table stored once."""
    return {
        "wte.weight": torch.randn(7, 4),
        "wpe.weight": torch.randn(5, 4),
        "c_attn.weight": torch.randn(4, 8),
        "c_attn.bias": torch.randn(8),
        "c_proj.weight": torch.randn(4, 4),
    }


FUSED = {
    "wte": "embedding.table",
    "wpe.weight": "positions.table",
    "c_attn": Transposed(("attention.to_q", "attention.to_k", "attention.to_v")),
    "c_proj": Transposed("attention.to_out"),
}


@pytest.mark.parametrize("assign", [False, True])
def test_one_table_tells_all_habits_of_a_file(assign):
    tensors = fused_file()
    with torch.device("meta" if assign else "cpu"):
        model = Own()
    load_renamed(model, tensors, FUSED, assign=assign)
    q, k, v = tensors["c_attn.weight"].split([4, 2, 2], dim=1)
    for linear, matrix in zip(
        (model.attention.to_q, model.attention.to_k, model.attention.to_v), (q, k, v), strict=True
    ):
        assert torch.equal(linear.weight, matrix.T) and linear.weight.is_contiguous()
    assert torch.equal(model.attention.to_k.bias, tensors["c_attn.bias"][4:6])
    assert torch.equal(model.attention.to_out.weight, tensors["c_proj.weight"].T)
    assert torch.equal(model.positions.table, tensors["wpe.weight"])
    assert torch.equal(model.embedding.table.weight, tensors["wte.weight"])
    assert model.head.weight is model.embedding.table.weight


def test_several_tensors_of_a_file_may_be_put_into_one():
    model = nn.ModuleDict({"qkv": nn.Linear(3, 7)})
    parts = {f"{n}.{k}": torch.randn(m, *s) for n, m in (("q", 2), ("k", 5)) for k, s in KINDS}
    load_renamed(model, parts, {("q", "k"): "qkv"})
    assert torch.equal(model["qkv"].weight, torch.cat((parts["q.weight"], parts["k.weight"])))
    assert torch.equal(model["qkv"].bias, torch.cat((parts["q.bias"], parts["k.bias"])))
    parts["k.weight"] = torch.randn(5, 4)  # as wide as nothing else
    with pytest.raises(
        ValueError, match=r"q\.weight \+ k\.weight is \(2, 3\) \+ \(5, 4\), not \(7, 3"
    ):
        load_renamed(model, parts, {("q", "k"): "qkv"})


KINDS = (("weight", (3,)), ("bias", ()))


def test_a_table_stored_twice_must_be_the_same_twice():
    twice = FUSED | {"lm_head": "embedding.table"}
    tensors = fused_file()
    load_renamed(Own(), tensors, twice)  # stored once after all
    load_renamed(Own(), tensors | {"lm_head.weight": tensors["wte.weight"].clone()}, twice)
    with pytest.raises(ValueError, match=r"\('lm_head.weight',\) is not the other embedding.table"):
        load_renamed(Own(), tensors | {"lm_head.weight": torch.zeros(7, 4)}, twice)
    del tensors["wte.weight"]
    with pytest.raises(ValueError, match=r"missing=\['wte.weight', 'lm_head.weight'\]"):
        load_renamed(Own(), tensors, twice)


def test_a_fused_tensor_of_another_size_is_refused_as_it_stands_in_the_file():
    tensors = fused_file() | {"c_attn.weight": torch.randn(4, 9)}
    with pytest.raises(ValueError, match=r"c_attn\.weight is \(4, 9\), not \(4, 8\)"):
        load_renamed(Own(), tensors, FUSED)


def test_layers_are_written_out_in_every_kind_of_row():
    table = {("h.{i}.q", "h.{i}.k"): "b.{i}.qk", "h.{i}.f": Transposed(("b.{i}.x", "b.{i}.y"))}
    assert expand_layers(table, 2) == {
        ("h.0.q", "h.0.k"): "b.0.qk",
        ("h.1.q", "h.1.k"): "b.1.qk",
        "h.0.f": Transposed(("b.0.x", "b.0.y")),
        "h.1.f": Transposed(("b.1.x", "b.1.y")),
    }


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))


@pytest.mark.parametrize("assign", [False, True])
def test_a_single_number_is_loaded(assign):
    model = Scaled()
    load_renamed(model, {"temperature": torch.tensor(2.5)}, {"temperature": "scale"}, assign=assign)
    assert model.scale.item() == 2.5
    with pytest.raises(ValueError, match=r"temperature is \(1,\), not \(\)"):
        load_renamed(model, {"temperature": torch.ones(1)}, {"temperature": "scale"})


@pytest.mark.parametrize("kind", [torch.int8, torch.complex64], ids=str)
def test_numbers_of_another_kind_are_not_taken_for_weights(kind):
    model, tensors = model_and_tensors()
    tensors["theirs.last.weight"] = tensors["theirs.last.weight"].to(kind)
    with pytest.raises(ValueError, match=rf"theirs.last.weight is {kind}, not torch.float32"):
        load_renamed(model, tensors, TABLE)


def test_what_is_cut_from_one_tensor_has_memory_of_its_own():
    with torch.device("meta"):
        model = MultiHeadAttention(6, 3, bias=False)
    tensors = {"in.weight": torch.randn(18, 6), "out.weight": torch.randn(6, 6)}
    table = {"in": ("to_q", "to_k", "to_v"), "out": "to_out"}
    load_renamed(model, tensors, table, assign=True)
    for weight in model.parameters():
        assert weight.untyped_storage().nbytes() == 6 * 6 * 4
    assert torch.equal(model.to_v.weight, tensors["in.weight"][12:])
