"""T5, mT5, BART and Marian are Hugging Face's, forward and back, and counted."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, load_model, save_file, save_model
from torch.testing import assert_close

from course_lib.models.bart import BARTS, MARIANS, Bart, Marian
from course_lib.models.counting import count_parameters
from course_lib.models.seq2seq_sizes import Seq2SeqConfig
from course_lib.models.t5 import T5, T5S
from course_lib.pretrained.bart import WAVES, load_bart
from course_lib.pretrained.t5 import load_t5, t5_config

T5_SIZES = {
    "vocab_size": 37,
    "d_model": 30,
    "d_kv": 7,
    "d_ff": 19,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 5,
    "relative_attention_num_buckets": 12,
    "relative_attention_max_distance": 17,
    "pad_token_id": 0,
}
BART_SIZES = {
    "vocab_size": 37,
    "d_model": 30,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "encoder_attention_heads": 5,
    "decoder_attention_heads": 5,
    "encoder_ffn_dim": 19,
    "decoder_ffn_dim": 19,
    "max_position_embeddings": 23,
}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
OWN_HEAD = ("t5-1.1", "mt5")  # transformers 5 ties it, but where a file holds both
FAMILIES = {  # Hugging Face's name, sizes, what loads it, and the id of its padding
    "t5": ("T5", T5_SIZES, load_t5, 0),
    "t5-1.1": ("T5", T5_SIZES | GATED, load_t5, 0),
    "mt5": ("MT5", T5_SIZES | GATED, load_t5, 0),
    "bart": ("Bart", BART_SIZES | {"pad_token_id": 1}, load_bart, 1),
    "bart-scaled": (
        "Bart",
        BART_SIZES | {"pad_token_id": 1, "scale_embedding": True},
        load_bart,
        1,
    ),
    "marian": (
        "Marian",
        BART_SIZES
        | {"pad_token_id": 36, "activation_function": "swish", "scale_embedding": True}
        | {"decoder_start_token_id": 36, "eos_token_id": 0, "forced_eos_token_id": 0},
        load_bart,
        36,
    ),
}
KINDS = {"T5": "T5ForConditionalGeneration", "MT5": "MT5ForConditionalGeneration"}
KINDS |= {"Bart": "BartForConditionalGeneration", "Marian": "MarianMTModel"}
families = pytest.mark.parametrize("family", FAMILIES)


def saved(family, folder):
    """Hugging Face's model with all of its numbers drawn anew, saved as they save it."""
    name, sizes, _, _ = FAMILIES[family]
    config = getattr(transformers, f"{name}Config")(**sizes, attn_implementation="eager")
    theirs = getattr(transformers, KINDS[name])(config).eval()
    if family in OWN_HEAD:
        theirs.lm_head.weight = torch.nn.Parameter(torch.empty(37, 30))
    for path, parameter in theirs.named_parameters():  # a fresh bias would hide a mix-up
        if not (name == "Marian" and path in WAVES):  # which are not learned
            torch.nn.init.normal_(parameter, std=0.3)
    if hasattr(theirs, "final_logits_bias"):
        theirs.final_logits_bias.normal_()
    theirs.save_pretrained(folder)
    return theirs


def inputs(pad_id):
    """A source with padding at its end; a target that starts with the padding's id, as T5's."""
    source = torch.arange(44).view(2, 22) % 31 + 3
    source[0, 19:] = pad_id
    target = torch.arange(26).view(2, 13) % 29 + 4
    target[:, 0] = pad_id
    return source, target


@families
def test_scores_and_gradients_are_hugging_faces(family, tmp_path):
    theirs, (_, _, load, pad_id) = saved(family, tmp_path), FAMILIES[family]
    ours, theirs = load(tmp_path).double(), theirs.double()
    source, target = inputs(pad_id)
    logits = ours(source, target)
    seen = (source != pad_id).long()
    expected = theirs(source, attention_mask=seen, decoder_input_ids=target).logits
    size = 1 + expected.abs().max().item()
    assert_close(logits / size, expected / size, rtol=0, atol=1e-6)  # T5's softmax is in float32
    along = torch.randn_like(logits)
    tables = ours.embed_source.table.weight, theirs.get_input_embeddings().weight
    one, other = (
        torch.autograd.grad((out * along).sum(), table)[0]
        for out, table in zip((logits, expected), tables, strict=True)
    )
    other[pad_id] = one[pad_id]  # theirs leaves a padding's row as it is
    size = 1 + other.abs().max().item()
    assert_close(one / size, other / size, rtol=0, atol=1e-5)


@families
def test_what_does_not_fit_is_named(family, tmp_path):
    saved(family, tmp_path)
    load, path = FAMILIES[family][2], tmp_path / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith("norm.weight"))
    lost = tensors.pop(name)
    save_file(tensors | {"extra": torch.ones(1)}, path)
    with pytest.raises(ValueError, match=rf"missing=\['{name}'\], unexpected=\['extra'\]"):
        load(tmp_path)
    save_file(tensors | {name: lost[:-1].clone()}, path)
    with pytest.raises(ValueError, match=rf"{name} is \(29,\), not \(30,\)"):
        load(tmp_path)


@torch.no_grad()
def test_a_bart_saved_without_a_head_is_the_same(tmp_path):
    saved("bart", tmp_path)
    whole, path = load_bart(tmp_path), tmp_path / "model.safetensors"
    tensors = {n.removeprefix("model."): x for n, x in load_file(path).items() if "model." in n}
    save_file(tensors, path)
    source, target = inputs(1)
    shift = whole.head.shift
    assert shift.any()
    assert_close(load_bart(tmp_path)(source, target) + shift, whole(source, target))


@pytest.mark.parametrize(
    "family, change, message",
    [
        ("t5", {"model_type": "bart"}, "model_type='bart', only with 't5' or 'mt5'"),
        (
            "t5",
            {"feed_forward_proj": "gated-relu"},
            "feed_forward_proj='gated-relu', only with 'relu' or",
        ),
        ("bart", {"model_type": ""}, "model_type='', only with 'bart'"),
        ("bart", {"model_type": "t5"}, "model_type='t5', only with 'bart' or 'marian'"),
        ("bart", {"activation_function": "tanh"}, "activation_function='tanh', only with 'gelu'"),
        ("bart", {"decoder_ffn_dim": 7}, "decoder_ffn_dim=7, only with 19"),
        ("marian", {"share_encoder_decoder_embeddings": False}, "embeddings=False, only with True"),
    ],
)
def test_a_convention_that_ours_has_not_is_refused(family, change, message, tmp_path):
    saved(family, tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        FAMILIES[family][2](tmp_path)


COUNTED = {  # Hugging Face's models of these names
    "t5-small": 60_506_624,
    "t5-base": 222_903_552,
    "t5-3b": 2_851_598_336,
    "t5-11b": 11_307_321_344,
    "t5-v1_1-base": 247_577_856,
    "mt5-small": 300_176_768,
    "mt5-base": 582_401_280,
}


@pytest.mark.parametrize("name", COUNTED)
def test_published_t5s_have_as_many_parameters(name):
    assert count_parameters(T5, T5S[name]) == COUNTED[name]


def test_published_barts_have_as_many_but_for_rows_that_nothing_reads():
    rows = 2 * 2  # both sides keep two rows in front that are no place
    assert count_parameters(Bart, BARTS["bart-base"]) == 139_420_416 - rows * 768
    assert count_parameters(Bart, BARTS["bart-large"]) == 406_291_456 - rows * 1024
    waves = 2 * 512 * 512  # which theirs counts, though nobody trains them
    assert count_parameters(Marian, MARIANS["opus-mt-en-fr"]) == 75_133_952 - waves


def test_all_layers_of_a_side_share_their_places_and_a_side_has_its_own():
    model = T5(T5S["t5-small"])
    read = {id(block.attention.position) for block in model.encoder.blocks}
    write = {id(block.self_attention.position) for block in model.decoder.blocks}
    assert len(read) == len(write) == 1 and read != write
    assert all(block.cross_attention.position is None for block in model.decoder.blocks)


@torch.no_grad()
def test_a_t5_goes_through_safetensors_as_the_page_says(tmp_path):
    saved("t5", tmp_path)
    model, path = load_t5(tmp_path), tmp_path / "ours.safetensors"
    save_model(model, path)
    assert sum("buckets" in name for name in load_file(path)) == 2  # one for each side
    again = T5(t5_config(json.loads((tmp_path / "config.json").read_text()))).eval()
    load_model(again, path)
    source, target = inputs(0)
    assert_close(again(source, target), model(source, target))


@pytest.mark.parametrize("kind", [Bart, Marian])
def test_a_table_for_each_side_is_refused(kind):
    with pytest.raises(ValueError, match="need tied=True, got tied=False"):
        kind(Seq2SeqConfig(11, 13, 12, 3, 1, 7))
