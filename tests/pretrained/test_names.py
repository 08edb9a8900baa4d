"""Weights arrive under our names, all of them, or not at all."""

import pytest
import torch
from torch import nn

from course_lib.pretrained.names import expand_layers, load_renamed

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


def test_a_part_of_the_model_that_no_row_fills_is_named():
    model, tensors = model_and_tensors()
    del tensors["theirs.last.weight"]
    with pytest.raises(ValueError, match=r"unmapped=\['2\.weight'\]"):
        load_renamed(model, tensors, {"theirs.first": "0"})
