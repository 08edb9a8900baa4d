"""Checkpoints as Hugging Face saves them, in our `Gpt`: its logits are theirs, family by family."""

import json
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from course_lib.generation import generate, pad_left
from course_lib.nn import GrowingCache, StaticCache, causal_mask, combine_masks, lean
from course_lib.pretrained.decoders import load_decoder
from course_lib.pretrained.packages import MissingWeights

VOCAB, LAYERS, HEADS, KV_HEADS, D_HEAD, D_FF, D_MODEL = 37, 3, 6, 2, 14, 23, 66
IDS = torch.tensor([[5, 9, 0, 3, 36, 7, 1, 12, 13], [8, 1, 2, 30, 4, 4, 11, 2, 17]])
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": D_MODEL,
    "intermediate_size": D_FF,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "head_dim": D_HEAD,
    "bos_token_id": 0,
    "eos_token_id": 36,
    "pad_token_id": None,
    "attn_implementation": "eager",
}
NARROW = SIZES | {
    "head_dim": D_MODEL // HEADS + 1,
    "hidden_size": HEADS * 12,
}  # no head_dim of its own


def rotary(base, kind="default", **told):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": base} | told}


LONGER = {"factor": 4.0, "original_max_position_embeddings": 16}
SLOPE = {"low_freq_factor": 0.5, "high_freq_factor": 2.0}
CAPS = {"attn_logit_softcapping": 3.0, "final_logit_softcapping": 2.0, "query_pre_attn_scalar": 5}


FAMILIES = {
    "gpt2": (
        "GPT2LMHeadModel",
        {"vocab_size": VOCAB, "n_embd": D_MODEL, "n_head": HEADS, "n_layer": LAYERS}
        | {"n_positions": 31, "n_inner": D_FF, "bos_token_id": 0, "eos_token_id": 36}
        | {"attn_implementation": "eager", "layer_norm_epsilon": 1e-3},
    ),
    "llama": ("LlamaForCausalLM", SIZES | rotary(500.0)),
    "llama, tied": ("LlamaForCausalLM", SIZES | {"tie_word_embeddings": True}),
    "llama, biases": ("LlamaForCausalLM", SIZES | {"attention_bias": True}),
    "llama, linear": ("LlamaForCausalLM", SIZES | rotary(50.0, "linear", factor=3.0)),
    "llama 3.1": ("LlamaForCausalLM", SIZES | rotary(50.0, "llama3", **LONGER, **SLOPE)),
    "llama, YaRN": (
        "LlamaForCausalLM",
        SIZES | rotary(50.0, "yarn", **LONGER, beta_fast=2.0, beta_slow=0.5),
    ),
    "mistral": ("MistralForCausalLM", SIZES | {"sliding_window": 4}),
    "qwen2": ("Qwen2ForCausalLM", NARROW | rotary(700.0)),
    "qwen3": ("Qwen3ForCausalLM", SIZES | {"rms_norm_eps": 1e-3}),
    "qwen3, YaRN": ("Qwen3ForCausalLM", SIZES | rotary(50.0, "yarn", **LONGER, beta_fast=3.0)),
    "gemma": ("GemmaForCausalLM", SIZES),
    "gemma2": ("Gemma2ForCausalLM", SIZES | CAPS | {"sliding_window": 4}),
    "gemma2, plain": (
        "Gemma2ForCausalLM",
        SIZES
        | {"sliding_window": 3, "layer_types": ["full_attention"] * 2 + ["sliding_attention"]}
        | dict.fromkeys(CAPS, None)
        | {"query_pre_attn_scalar": 9},
    ),
    "mixtral": (
        "MixtralForCausalLM",
        SIZES
        | {"num_local_experts": 5, "num_experts_per_tok": 2, "experts_implementation": "eager"},
    ),
}
families = pytest.mark.parametrize("family", FAMILIES)


def shaken(family):
    """A model of theirs whose biases and norms are no longer 0 and 1."""
    name, sizes = FAMILIES[family]
    kind = getattr(transformers, name)
    torch.manual_seed(3)
    model = kind(kind.config_class(**sizes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
            else:
                parameter.mul_(4)  # so that attention is not flat
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Each family's model, and the folder that it was saved to; made once."""
    made = {}

    def of(family):
        if family not in made:
            folder = tmp_path_factory.mktemp(family.replace(", ", "_"))
            theirs = shaken(family)
            theirs.save_pretrained(folder)
            made[family] = theirs, folder
        return made[family]

    return of


@families
@torch.no_grad()
def test_logits_are_hugging_faces(saved, family):
    theirs, folder = saved(family)
    ours = load_decoder(folder)
    expected = theirs(IDS).logits
    assert expected.std() > 0.5
    assert_close(ours(IDS), expected, rtol=0, atol=1e-4)
    logits, weights = ours(IDS, return_weights=True)
    assert_close(logits, expected, rtol=0, atol=1e-4)
    looked = theirs(IDS, output_attentions=True).attentions
    for layer, expected_layer in zip(weights, looked, strict=True):
        assert_close(layer, expected_layer, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma", "gemma2", "mixtral"])
def test_gradients_of_the_loss_are_hugging_faces(saved, family):
    theirs, folder = saved(family)
    ours = load_decoder(folder)
    along = torch.randn(2, 9, VOCAB)
    theirs.zero_grad()
    (ours(IDS) * along).sum().backward()
    (theirs(IDS).logits * along).sum().backward()
    expected = theirs.get_input_embeddings().weight.grad
    scale = expected.abs().max()
    assert_close(ours.embed.table.weight.grad / scale, expected / scale, rtol=0, atol=1e-4)


@families
@torch.no_grad()
def test_reading_piece_by_piece_from_a_cache_is_reading_at_once(saved, family):
    model = load_decoder(saved(family)[1])
    whole = model(IDS)
    for cache in (GrowingCache(), StaticCache(9)):
        pieces = [model(IDS[:, :end], cache=cache) for end in (4, 5, 8, 9)]
        assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-4)


@families
@torch.no_grad()
def test_rows_padded_on_the_left_are_scored_as_they_are_alone(saved, family):
    model = load_decoder(saved(family)[1])
    ids, seen = pad_left([IDS[0, :5], IDS[1]], pad_id=0)
    places = (seen.cumsum(-1) - 1).clamp(min=0)
    mask = combine_masks(causal_mask(9), seen[:, None, None])
    logits = model(ids, mask, places=places)
    assert_close(logits[0, 4:], model(IDS[:1, :5])[0], rtol=0, atol=1e-4)
    assert_close(logits[1], model(IDS[1:])[0], rtol=0, atol=1e-4)


@families
def test_it_writes_what_hugging_faces_writes(saved, family):
    theirs, folder = saved(family)
    model = load_decoder(folder)
    rows = [[5, 9, 3, 30, 2], [8, 1]]
    ids, seen = pad_left(rows, pad_id=0)
    given = {"attention_mask": seen.long(), "max_new_tokens": 7, "do_sample": False}
    expected = theirs.generate(ids, eos_token_id=36, pad_token_id=0, **given)
    given = {"seen": seen, "max_new_tokens": 7, "end_id": 36, "pad_id": 0}
    written = generate(model, ids, cache=StaticCache(12), **given)
    assert written.tolist() == expected.tolist()
    assert generate(lean(model), ids, cache=GrowingCache(), **given).tolist() == expected.tolist()
    assert generate(model, ids, **given).tolist() == expected.tolist()


@torch.no_grad()
def test_a_window_takes_a_cache_with_the_same_one(saved):
    model = load_decoder(saved("mistral")[1])
    given = {"max_new_tokens": 9}
    expected = generate(model, IDS, **given)
    for cache in (GrowingCache(window=4), StaticCache(12, window=4)):
        assert torch.equal(generate(model, IDS, cache=cache, **given), expected)


def copy_of(saved, family, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(saved(family)[1], folder)
    return folder, load_file(folder / "model.safetensors")


@torch.no_grad()
def test_a_checkpoint_in_several_files_is_read_whole(saved, tmp_path):
    theirs, _ = saved("llama")
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    assert not (tmp_path / "model.safetensors").exists()
    assert_close(load_decoder(tmp_path)(IDS), theirs(IDS).logits, rtol=0, atol=1e-4)
    (first,) = tmp_path.glob("model-00001-*")
    first.unlink()
    with pytest.raises(MissingWeights, match=f"has no {first.name}: save it with safetensors"):
        load_decoder(tmp_path)


@torch.no_grad()
def test_old_files_with_masks_and_without_a_word_in_front_are_read(saved, tmp_path):
    folder, tensors = copy_of(saved, "gpt2", tmp_path)
    old = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    old |= {f"h.{i}.attn.bias": torch.ones(1, 1, 31, 31) for i in range(LAYERS)}
    save_file(old, folder / "model.safetensors")
    assert_close(load_decoder(folder)(IDS), saved("gpt2")[0](IDS).logits, rtol=0, atol=1e-4)


@torch.no_grad()
def test_old_files_keep_the_base_of_the_angles_elsewhere(saved, tmp_path):
    folder, _ = copy_of(saved, "llama", tmp_path)
    facts = json.loads((folder / "config.json").read_text())
    assert facts.pop("rope_parameters")["rope_theta"] == 500.0
    old = facts | {"rope_theta": 500.0, "rope_scaling": None}
    (folder / "config.json").write_text(json.dumps(old))
    assert_close(load_decoder(folder)(IDS), saved("llama")[0](IDS).logits, rtol=0, atol=1e-4)


def test_tensors_that_are_missing_surplus_or_misshapen_are_named(saved, tmp_path):
    folder, tensors = copy_of(saved, "qwen3", tmp_path)
    lost = tensors.pop("model.layers.1.self_attn.q_norm.weight")
    save_file(tensors | {"model.extra.weight": lost}, folder / "model.safetensors")
    told = r"missing=\['model.layers.1.self_attn.q_norm.weight'\].*\['model.extra.weight'\]"
    with pytest.raises(ValueError, match=told):
        load_decoder(folder)
    tensors["model.layers.1.self_attn.q_norm.weight"] = torch.ones(13)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"layers.1.self_attn.q_norm.weight is \(13,\), not \(14,"):
        load_decoder(folder)


@pytest.mark.parametrize(
    "family, asked, told",
    [
        ("llama", {"model_type": "mamba"}, "family 'mamba', known are gpt2, llama"),
        ("llama", {"hidden_act": "relu"}, "hidden_act='relu', only with 'silu'"),
        ("llama", {"rope_parameters": {"rope_type": "yarn"}}, "of the kind 'yarn' need factor"),
        ("llama", {"rope_scaling": {"factor": 8.0}}, "rope_parameters='factor', only with"),
        ("qwen2", {"use_sliding_window": True}, "use_sliding_window=True, only with False"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "inverse_layer_idx=True, only with F"),
    ],
)
def test_what_can_not_be_built_is_refused(saved, tmp_path, family, asked, told):
    folder, _ = copy_of(saved, family, tmp_path)
    facts = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(facts | asked))
    with pytest.raises(ValueError, match=told):
        load_decoder(folder)


def test_pickles_are_not_opened(saved, tmp_path):
    folder, tensors = copy_of(saved, "llama", tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    with pytest.raises(
        MissingWeights, match=r"has no model\.safetensors: save it with safetensors"
    ):
        load_decoder(folder)


def test_a_name_that_the_hub_can_not_give_says_what_to_do():
    with pytest.raises(
        MissingWeights, match=r"nobody/no-such-model is not a folder here.*go online"
    ):
        load_decoder("nobody/no-such-model")
