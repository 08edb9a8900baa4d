"""LLaMA's checkpoints in our `Gpt`, and Mistral's, which have the same names."""

from dataclasses import replace
from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.models.gpt_sizes import LLAMA_7B, NO_BIAS
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.pretrained.angles import rotary
from course_lib.pretrained.families import Family, require
from course_lib.pretrained.names import expand_layers

THEIRS, OURS = "model.layers.{i}", "stack.blocks.{i}"

NAMES = {  # theirs: ours
    "model.embed_tokens": "embed.table",
    f"{THEIRS}.input_layernorm": f"{OURS}.around_attention.norm",
    f"{THEIRS}.self_attn.q_proj": f"{OURS}.attention.to_q",
    f"{THEIRS}.self_attn.k_proj": f"{OURS}.attention.to_k",
    f"{THEIRS}.self_attn.v_proj": f"{OURS}.attention.to_v",
    f"{THEIRS}.self_attn.o_proj": f"{OURS}.attention.to_out",
    f"{THEIRS}.post_attention_layernorm": f"{OURS}.around_feed_forward.norm",
    f"{THEIRS}.mlp.gate_proj": f"{OURS}.feed_forward.gate",
    f"{THEIRS}.mlp.up_proj": f"{OURS}.feed_forward.up",
    f"{THEIRS}.mlp.down_proj": f"{OURS}.feed_forward.down",
    "model.norm": "stack.norm",
}


def sizes(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of this family describes.

    Raises `ValueError` for another activation, a window, or rotary angles that are not known.
    """
    require(facts, hidden_act="silu", mlp_bias=False, sliding_window=None)
    bias = facts.get("attention_bias", False)
    return described(facts, attention=partial(MultiHeadAttention, bias=bias))


def mistral_sizes(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of Mistral describes.

    Raises `ValueError` for another activation, or rotary angles that are not known.
    """
    require(facts, hidden_act="silu")
    return described(facts, window=facts.get("sliding_window", 4096))


def described(
    facts: dict, *, window: int | None = None, base: float = 10_000.0, **parts
) -> GptConfig:
    """Return what all configs of LLaMA's descendants describe in one way, and these parts.

    `base` is that of the rotary angles where the file says none.

    Raises `ValueError` for rotary angles as `rotary` does, or layers that see more than others.
    """
    for kind in facts.get("layer_types") or ():
        sees = "full_attention" if window is None else "sliding_attention"
        require({"layer_types": kind}, layer_types=sees)
    position, larger = rotary(facts, base)
    if larger != 1:
        d_head = facts.get("head_dim") or facts["hidden_size"] // facts["num_attention_heads"]
        attention = parts.get("attention", NO_BIAS)
        parts["attention"] = partial(attention, scale=larger / d_head**0.5)
    given = {
        "vocab_size": facts["vocab_size"],
        "d_model": facts["hidden_size"],
        "num_heads": facts["num_attention_heads"],
        "num_kv_heads": facts.get("num_key_value_heads"),
        "num_layers": facts["num_hidden_layers"],
        "d_ff": facts["intermediate_size"],
        "max_len": facts["max_position_embeddings"],
        "d_head": facts.get("head_dim"),
        "window": window,
        "tied": facts.get("tie_word_embeddings", False),
        "norm": partial(RMSNorm, eps=facts["rms_norm_eps"]),
        "attention_position": position,
    }
    return replace(LLAMA_7B, **given | parts)


def names(config: GptConfig, table: dict | None = None) -> dict:
    """Return the table for this many layers, with the head's own row or the embedding's."""
    head = {"lm_head": "embed.table" if config.tied else "head"}
    return expand_layers((table or NAMES) | head, config.num_layers)


def unused(config: GptConfig) -> list[str]:
    """Angles, which old files keep beside the weights."""
    return [f"model.layers.{i}.self_attn.rotary_emb.inv_freq" for i in range(config.num_layers)]


FAMILY = Family(sizes, names, unused)
MISTRAL = Family(mistral_sizes, names, unused)
