"""Configs that are almost, but not quite, of a family: read as Hugging Face does, or refused."""

from math import log

import pytest

from course_lib.models import Gpt
from course_lib.pretrained.bert import bert_config
from course_lib.pretrained.decoders import FAMILIES
from course_lib.pretrained.t5 import t5_config

LLAMA = {
    "vocab_size": 11,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 5,
    "max_position_embeddings": 20,
    "rms_norm_eps": 1e-5,
}
EXPERTS = {"num_local_experts": 3, "num_experts_per_tok": 2, "query_pre_attn_scalar": 4}
BERT = LLAMA | {"model_type": "bert", "type_vocab_size": 2, "hidden_act": "gelu"}
BERT |= {"layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1}
T5 = {"vocab_size": 11, "d_model": 8, "num_heads": 2, "num_layers": 2, "d_ff": 5, "d_kv": 4}
T5 |= {"relative_attention_num_buckets": 8, "dropout_rate": 0.1, "layer_norm_epsilon": 1e-6}
T5 |= {"pad_token_id": 0, "model_type": "t5"}
MIXED = ["full_attention", "sliding_attention"]
ROTARY = ("llama", "mistral", "qwen2", "qwen3", "gemma", "mixtral")


def decoder(family, **asked):
    return FAMILIES[family].sizes(LLAMA | EXPERTS | asked)


@pytest.mark.parametrize("family", ROTARY)
@pytest.mark.parametrize(
    "asked, told",
    [
        ({"rope_parameters": {"type": "dynamic", "factor": 2.0}}, "type='dynamic', only with"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "need factor, high_freq_factor, low_freq_fac"),
        ({"rope_scaling": {"type": "linear"}}, "angles of the kind 'linear' need factor"),
        ({"rope_scaling": {"type": "yarn", "factor": 2.0, "truncate": False}}, "truncate=False"),
        ({"rope_scaling": {"type": "yarn", "factor": 2.0, "mscale": 1.0}}, "s='mscale', only"),
        ({"rope_parameters": {"rope_theta": 9.0, "factor": 2.0}}, "rope_parameters='factor'"),
        (
            {"rope_parameters": {"sliding_attention": {"rope_theta": 9.0}}},
            "rope_parameters='sliding_attention', only with 'rope_theta' or",
        ),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor=0.5"),
        ({"partial_rotary_factor": 0.25}, "partial_rotary_factor=0.25, only with 1.0"),
        ({"layer_types": MIXED, "sliding_window": None}, "layer_types='sliding_attention', only"),
    ],
)
def test_angles_and_layers_of_several_kinds_are_refused(family, asked, told):
    with pytest.raises(ValueError, match=told):
        decoder(family, **asked)


@pytest.mark.parametrize(
    "family, asked, told",
    [
        ("mistral", {"sliding_window": 4, "layer_types": MIXED}, "layer_types='full_attention'"),
        ("llama", {"sliding_window": 4}, "sliding_window=4, only with None"),
        ("gemma", {"sliding_window": 4}, "sliding_window=4, only with None"),
        ("gemma2", {"rope_scaling": {"type": "yarn", "factor": 2.0}}, "make scores larger"),
        ("gemma2", {"layer_types": ["full_attention", "chunked"]}, "layer_types='chunked', only"),
        ("gemma2", {"tie_word_embeddings": False}, "tie_word_embeddings=False, only with True"),
        ("gemma2", {"hidden_activation": "gelu"}, "hidden_activation='gelu', only with"),
        ("gemma", {"hidden_activation": "gelu"}, "hidden_activation='gelu', only with"),
        ("gemma", {"use_bidirectional_attention": True}, "bidirectional_attention=True, only"),
    ],
)
def test_what_a_family_has_not_is_refused(family, asked, told):
    with pytest.raises(ValueError, match=told):
        decoder(family, **asked)


def test_mistrals_window_is_not_asked_whether_it_is_used():
    assert decoder("mistral", sliding_window=4, use_sliding_window=False).window == 4
    assert decoder("mistral", sliding_window=None).window is None
    assert decoder("mistral").window == 4096
    assert decoder("qwen2", sliding_window=4).window is None


@pytest.mark.parametrize("family", ROTARY)
def test_a_base_that_nobody_says_is_the_familys(family):
    told = FAMILIES[family].sizes(LLAMA | EXPERTS | {"rope_theta": 500.0})
    assert slowest(told) == pytest.approx(500**-0.5)
    base = 1e6 if family == "mixtral" else 1e4
    assert slowest(decoder(family)) == pytest.approx(base**-0.5)


@pytest.mark.parametrize("family", ROTARY)
def test_old_files_keep_stretched_angles_elsewhere(family):
    old = {"rope_theta": 9.0, "rope_scaling": {"type": "linear", "factor": 2.0}}
    new = {"rope_parameters": {"rope_theta": 9.0, "rope_type": "linear", "factor": 2.0}}
    assert slowest(decoder(family, **old)) == slowest(decoder(family, **new)) == 1 / 6


def test_yarns_scores_grow_by_its_factor_or_by_the_papers():
    yarn = {"type": "yarn", "factor": 4.0}
    for told, growth in ((yarn, 0.1 * log(4) + 1), (yarn | {"attention_factor": 3.0}, 3.0)):
        scale = decoder("llama", rope_scaling=told).attention.keywords["scale"]
        assert scale == pytest.approx(growth**2 / 2)


def test_gemma_2_has_a_window_in_the_layers_that_it_names_or_in_the_odd_ones():
    def windows(**asked):
        model = Gpt(decoder("gemma2", **asked))
        return [getattr(block.attention, "window", None) for block in model.stack.blocks]

    assert windows(sliding_window=3) == [3, None]
    assert windows(sliding_window=3, layer_types=MIXED) == [None, 3]
    assert windows(sliding_window=None) == [None, None]
    assert windows() == [4096, None]


def slowest(config):
    rotary = config.attention_position(4)
    rotary = getattr(rotary, "position", rotary)  # within Qwen 3's QKNorm
    return rotary.frequencies[-1].item()


@pytest.mark.parametrize(
    "asked, told",
    [
        ({"is_decoder": True}, "is_decoder=True, only with False"),
        ({"position_embedding_type": "relative_key"}, "type='relative_key', only with 'absolute'"),
    ],
)
def test_a_bert_that_looks_back_alone_or_has_other_places_is_refused(asked, told):
    assert bert_config(BERT).d_model == 8
    with pytest.raises(ValueError, match=told):
        bert_config(BERT | asked)


@pytest.mark.parametrize(
    "asked, told",
    [
        ({"dense_act_fn": "silu"}, "dense_act_fn='silu', only with 'relu'"),
        ({"is_gated_act": True}, "is_gated_act=True, only with False"),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu"}, "only with 'gelu_new'"),
    ],
)
def test_a_t5_that_contradicts_itself_is_refused(asked, told):
    assert t5_config(T5).d_head == 4
    with pytest.raises(ValueError, match=told):
        t5_config(T5 | asked)
