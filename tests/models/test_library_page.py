"""docs/library.md runs: its families are Hugging Face's, in four precisions, and they learn."""

import re

import pytest
import torch
from torch.testing import assert_close
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from course_lib.generation import generate
from course_lib.nn import GrowingCache, causal_mask, combine_masks, lean
from course_lib.paths import ROOT
from course_lib.pretrained.names import expand_layers, load_renamed

TEXT = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
BUILDING, LOADING, WRITING, LEARNING, *_ = re.findall(
    r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
)
PAGE: dict = {}
exec(BUILDING + LOADING + WRITING + LEARNING, PAGE)

VOCAB, LAYERS, HEADS, KV_HEADS, D_HEAD, D_FF = 37, 3, 6, 2, 14, 23
D_MODEL = HEADS * 10  # T5 and Llama have heads of another width than d_model / heads
# Theirs count norms, angles and softmax in float32 whatever they are given.
LIMITS = {torch.float64: 1e-5, torch.float32: 1e-4, torch.float16: 0.02, torch.bfloat16: 0.1}
dtypes = pytest.mark.parametrize("dtype", LIMITS, ids=str)
IDS = torch.tensor([[5, 9, 0, 3, 36, 7, 1], [8, 1, 2, 30, 4, 4, 11]])


def gpt2():
    sizes = {"n_embd": D_MODEL, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 11}
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, **sizes)).eval()
    ours = PAGE["gpt2"](VOCAB, D_MODEL, HEADS, LAYERS, 11)
    PAGE["load_gpt2"](ours, theirs.state_dict(), LAYERS)
    return ours.eval(), theirs


def llama():
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=D_MODEL,
        intermediate_size=D_FF,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        head_dim=D_HEAD,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    )
    theirs = LlamaForCausalLM(config).eval()
    ours = PAGE["llama"](VOCAB, D_MODEL, HEADS, KV_HEADS, D_HEAD, D_FF, LAYERS, base=500.0)
    block, mine = "model.layers.{i}", "stack.blocks.{i}"
    names = {"q": "to_q", "k": "to_k", "v": "to_v", "o": "to_out"}
    table = {f"{block}.self_attn.{t}_proj": f"{mine}.attention.{o}" for t, o in names.items()}
    table |= {f"{block}.mlp.{n}_proj": f"{mine}.feed_forward.{n}" for n in ("gate", "up", "down")}
    table |= {
        "model.embed_tokens": "embed.table",
        f"{block}.input_layernorm": f"{mine}.around_attention.norm",
        f"{block}.post_attention_layernorm": f"{mine}.around_feed_forward.norm",
        "model.norm": "stack.norm",
        "lm_head": "head",
    }
    load_renamed(ours, theirs.state_dict(), expand_layers(table, LAYERS))
    return ours.eval(), theirs


def t5_side(side, attentions):
    """The rows of T5's encoder or decoder; its sublayers are numbered."""
    rows = {
        f"{side}.final_layer_norm": f"{side}.norm",
        f"{side}.embed_tokens": "embed_source.table",
    }
    names = {"q": "to_q", "k": "to_k", "v": "to_v", "o": "to_out"}
    theirs, ours = f"{side}.block.{{i}}.layer", f"{side}.blocks.{{i}}"
    for n, (kind, our, around) in enumerate(attentions):
        rows |= {f"{theirs}.{n}.{kind}.{t}": f"{ours}.{our}.{o}" for t, o in names.items()}
        rows[f"{theirs}.{n}.layer_norm"] = f"{ours}.{around}.norm"
    n, first = len(attentions), f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias"
    rows[first] = f"{side}.blocks.0.{attentions[0][1]}.position.buckets"
    rows[f"{theirs}.{n}.layer_norm"] = f"{ours}.around_feed_forward.norm"
    rows[f"{theirs}.{n}.DenseReluDense.wi"] = f"{ours}.feed_forward.up"
    rows[f"{theirs}.{n}.DenseReluDense.wo"] = f"{ours}.feed_forward.down"
    return rows


def t5():
    config = T5Config(
        vocab_size=VOCAB,
        d_model=D_MODEL,
        d_kv=D_HEAD,
        d_ff=D_FF,
        num_layers=LAYERS,
        num_decoder_layers=2,
        num_heads=HEADS,
    )
    theirs = T5ForConditionalGeneration(config).eval()
    ours = PAGE["t5"](VOCAB, D_MODEL, HEADS, D_HEAD, D_FF, (LAYERS, 2))
    read = t5_side("encoder", [("SelfAttention", "attention", "around_attention")])
    write = t5_side(
        "decoder",
        [
            ("SelfAttention", "self_attention", "around_self"),
            ("EncDecAttention", "cross_attention", "around_cross"),
        ],
    )
    table = expand_layers(read, LAYERS) | expand_layers(write, 2)
    table |= {"shared": "embed_source.table", "lm_head": "embed_source.table"}
    load_renamed(ours, theirs.state_dict(), table)
    return ours.eval(), theirs


def near(ours, exact, dtype):
    assert ours.dtype == dtype
    size = 1 + exact.abs().max().item()
    assert_close(ours.double() / size, exact / size, rtol=0, atol=LIMITS[dtype])


def test_the_page_builds_three_families_in_sixty_lines():
    lines = [line for line in BUILDING.splitlines() if line.strip()]
    assert len(lines) <= 60 and max(map(len, lines)) <= 110


@dtypes
@pytest.mark.parametrize("family", [gpt2, llama])
def test_a_decoder_is_hugging_faces(family, dtype):
    ours, theirs = family()
    exact = theirs.double()(IDS).logits.detach()
    near(ours.to(dtype)(IDS), exact, dtype)


@pytest.mark.parametrize("family", [gpt2, llama])
def test_a_decoder_with_padding_on_the_left_is_hugging_faces(family):
    ours, theirs = family()
    seen = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]])
    places = (seen.cumsum(-1) - 1).clamp(min=0)
    expected = theirs(IDS, attention_mask=seen, position_ids=places).logits
    mask = combine_masks(causal_mask(7), seen.bool()[:, None, None])
    logits = ours(IDS, mask, places=places)
    assert_close(logits[seen.bool()], expected[seen.bool()], rtol=0, atol=1e-4)


@dtypes
def test_t5_is_hugging_faces_with_its_start_the_paddings_id(dtype):
    ours, theirs = t5()
    source, target = IDS[:, :5] + 0, torch.tensor([[0, 6, 7, 8], [0, 9, 3, 2]])
    source[0, 2] = 6
    source[0, 3:] = 0  # padding
    exact = theirs.double()(
        source, attention_mask=(source != 0).long(), decoder_input_ids=target
    ).logits.detach()
    near(ours.to(dtype)(source, target), exact, dtype)


@pytest.mark.parametrize("family", [gpt2, llama, t5])
def test_a_family_learns_as_hugging_faces_does(family):
    ours, theirs = family()
    given = (IDS, IDS) if family is t5 else (IDS,)
    if family is t5:
        mask = (IDS != 0).long()
        expected = theirs(IDS, attention_mask=mask, decoder_input_ids=IDS).logits
        rows = IDS.cumprod(-1) > 0  # before the padding, which our decoder hides and theirs sees
    else:
        expected, rows = theirs(IDS).logits, torch.ones_like(IDS).bool()
    along = torch.randn_like(expected) * rows[..., None]
    (ours(*given) * along).sum().backward()
    (expected * along).sum().backward()
    mine = dict(ours.named_parameters())
    name = "embed_source.table.weight" if family is t5 else "embed.table.weight"
    theirs_table = theirs.get_input_embeddings().weight.grad
    scale = theirs_table.abs().max().item()
    assert_close(mine[name].grad / scale, theirs_table / scale, rtol=0, atol=1e-4)
    total = sum(p.grad.square().sum() for p in theirs.parameters()).sqrt()
    assert_close(sum(p.grad.square().sum() for p in mine.values()).sqrt(), total, rtol=1e-4, atol=0)


@pytest.mark.parametrize("family", [gpt2, llama])
def test_a_decoder_writes_with_a_cache_as_hugging_faces_does(family):
    ours, theirs = family()
    ids = torch.tensor([[0, 0, 5, 9], [8, 1, 2, 30]])
    given = {"attention_mask": (ids != 0).long(), "max_new_tokens": 6, "do_sample": False}
    expected = theirs.generate(ids, eos_token_id=36, pad_token_id=0, **given)
    given = {"seen": ids != 0, "max_new_tokens": 6, "end_id": 36, "pad_id": 0}
    for model in (ours, lean(ours)):
        assert generate(model, ids, cache=GrowingCache(), **given).tolist() == expected.tolist()


@pytest.mark.parametrize("family", [gpt2, llama])
def test_the_page_writes(family):
    ours, _ = family()
    rows = [[5], [8, 1]]
    drawn, found = PAGE["write"](ours, rows, pad_id=0, end_id=36)
    assert drawn.shape == (2, 11) or (drawn[:, -1] == 36).any()
    again, same = PAGE["write"](ours, rows, pad_id=0, end_id=36)
    assert torch.equal(drawn, again) and torch.equal(found, same) and len(found) == 2


def test_the_page_translates():
    ours, theirs = t5()
    source = torch.tensor([[5, 9, 1, 0], [8, 1, 2, 30]])
    expected = theirs.generate(
        source,
        attention_mask=(source != 0).long(),
        max_new_tokens=9,
        decoder_start_token_id=0,
        eos_token_id=36,
        pad_token_id=36,
    )
    assert PAGE["translate"](ours, source, 0, 36).tolist() == expected.tolist()


def test_a_run_of_the_page_learns_and_goes_on_bit_for_bit(tmp_path):
    text, learn = "the cat sat on the mat, and the rat sat on the cat. " * 30, PAGE["learn"]
    torch.manual_seed(0)
    whole = learn(text, tmp_path / "whole.safetensors", 80)
    torch.manual_seed(0)
    halves = learn(text, tmp_path / "halves.safetensors", 30)
    torch.manual_seed(1)
    assert halves + learn(text, tmp_path / "halves.safetensors", 80) == whole
    assert len(whole) == 80 and whole[0] > 2.5 and whole[-1] < 0.5
