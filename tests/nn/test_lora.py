"""LoRA: nothing changes at first, only the thin matrices learn, and merged it says the same."""

import pytest
import torch
from torch import nn

from course_lib.models import Bert, BertConfig
from course_lib.nn import LoRALinear, add_lora, in_half, merge_lora

IDS = torch.arange(1, 12)[None]


def small():
    torch.manual_seed(0)
    return Bert(BertConfig(13, 12, 3, 2, 17, 11)).eval()


def shake(model):
    for name, parameter in model.named_parameters():
        if name.endswith((".up", ".down")):
            nn.init.normal_(parameter, std=0.3)


def test_at_first_nothing_has_changed_and_little_learns():
    model = small()
    before = model(IDS)
    names = add_lora(model, rank=5, alpha=10)
    assert torch.equal(model(IDS), before)
    assert len(names) == 12 and "blocks.1.attention.to_q" in names
    learns = {n for n, p in model.named_parameters() if p.requires_grad}
    assert learns == {f"{n}.{part}" for n in names for part in ("up", "down")}
    assert model.blocks[0].attention.to_q.linear.weight.shape == (12, 12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_merged_it_says_the_same(dtype):
    model = small().to(dtype)
    before = model(IDS)
    add_lora(model, rank=5, alpha=7)
    shake(model)
    learned = model(IDS)
    assert not torch.allclose(learned, before, atol=0.01)
    assert merge_lora(model) is model
    assert not any(isinstance(m, LoRALinear) for m in model.modules())
    assert model.state_dict().keys() == small().state_dict().keys()
    torch.testing.assert_close(model(IDS), learned, rtol=1e-5, atol=1e-5)


def test_a_layer_by_its_equation():
    linear = nn.Linear(7, 5, bias=False)
    layer = LoRALinear(linear, rank=3, alpha=6)
    shake(nn.ModuleList([layer]))
    x = torch.randn(2, 4, 7)
    whole = linear.weight + 2 * layer.up @ layer.down
    torch.testing.assert_close(layer(x), x @ whole.T)
    torch.testing.assert_close(layer.merged().weight, whole)
    assert layer.merged().bias is None


def test_layers_by_name():
    model = small()
    assert add_lora(model, 2, where=lambda name: name.endswith(("to_q", "to_v"))) == [
        f"blocks.{i}.attention.to_{part}" for i in (0, 1) for part in "qv"
    ]
    with pytest.raises(ValueError, match="no linear layer"):
        add_lora(small(), 2, where=lambda name: False)
    with pytest.raises(ValueError, match="rank must be at least 1, got rank=0"):
        LoRALinear(nn.Linear(3, 3), 0)


def test_merged_into_a_matrix_in_half_it_is_as_precise_as_what_was_learned():
    model = nn.Sequential(nn.Linear(7, 5))
    add_lora(model, rank=3)
    shake(model)
    x = torch.randn(2, 7)
    said = in_half(model)(x)
    torch.testing.assert_close(merge_lora(model)(x), said)
    assert type(model[0]) is nn.Linear
