"""T5 and mT5: their checkpoints in our encoder–decoder."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from course_lib.models.t5 import T5, T5Config
from course_lib.nn.feedforward import GEGLU, FeedForward, SwiGLU
from course_lib.pretrained.families import require
from course_lib.pretrained.names import expand_layers, load_renamed
from course_lib.pretrained.sources import checkpoint_folder, read_config, read_tensors

SIDES = {  # a side: its sublayers in order, as (their name, our attention, what is around it)
    "encoder": [("SelfAttention", "attention", "around_attention")],
    "decoder": [
        ("SelfAttention", "self_attention", "around_self"),
        ("EncDecAttention", "cross_attention", "around_cross"),
    ],
}
ATTENTION = {"q": "to_q", "k": "to_k", "v": "to_v", "o": "to_out"}
PLAIN = {"wi": "up", "wo": "down"}
GATED = {"wi_0": "gate", "wi_1": "up", "wo": "down"}
FEED_FORWARDS = {  # what they call it: what makes ours, and the names within
    "relu": (FeedForward, PLAIN),
    "gelu": (partial(FeedForward, activation=F.gelu), PLAIN),
    "gated-gelu": (GEGLU, GATED),
    "gated-silu": (SwiGLU, GATED),
}
ACTIVATIONS = {  # the same, as files may say besides
    "relu": "relu",
    "gelu": "gelu",
    "gated-gelu": ("gelu_new", "gelu_pytorch_tanh"),
    "gated-silu": "silu",
}
# Old files hold places for the cross-attention, which nothing reads
UNUSED = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)


def t5_side(side: str, num_layers: int, within: Mapping[str, str]) -> dict:
    """Return theirs: ours for the "encoder" or the "decoder"; their sublayers are numbered.

    `within` names the matrices of a feed-forward network. The table of relative places stands in
    the file once, in the first layer.
    """
    theirs, ours, attentions = f"{side}.block.{{i}}.layer", f"{side}.blocks.{{i}}", SIDES[side]
    rows = {}
    for n, (kind, our, around) in enumerate(attentions):
        rows |= {f"{theirs}.{n}.{kind}.{t}": f"{ours}.{our}.{o}" for t, o in ATTENTION.items()}
        rows[f"{theirs}.{n}.layer_norm"] = f"{ours}.{around}.norm"
    last, network = f"{theirs}.{len(attentions)}", f"{ours}.feed_forward"
    rows |= {f"{last}.DenseReluDense.{t}": f"{network}.{o}" for t, o in within.items()}
    rows[f"{last}.layer_norm"] = f"{ours}.around_feed_forward.norm"
    (_, looking, _), first = attentions[0], f"{side}.block.0.layer.0.SelfAttention"
    return expand_layers(rows, num_layers) | {
        f"{first}.relative_attention_bias": f"{side}.blocks.0.{looking}.position.buckets",
        f"{side}.final_layer_norm": f"{side}.norm",
        f"{side}.embed_tokens": "embed_source.table",
    }


def t5_table(config: Mapping[str, Any]) -> dict:
    """Return theirs: ours for a whole T5 with this `config.json`."""
    sizes, (_, within) = t5_config(config), FEED_FORWARDS[_network(config)]
    read, write = sizes.num_layers
    table = t5_side("encoder", read, within) | t5_side("decoder", write, within)
    lm_head = "embed_source.table" if sizes.tied else "head"
    return {"shared": "embed_source.table"} | table | {"lm_head": lm_head}


def t5_config(config: Mapping[str, Any]) -> T5Config:
    """Return our sizes for what a checkpoint's `config.json` says.

    Raises `ValueError` for another family, or a feed-forward network that ours has not.
    """
    require(config, model_type=("t5", "mt5"), feed_forward_proj=tuple(FEED_FORWARDS))
    network = _network(config)
    gated = network.startswith("gated")
    require(config, dense_act_fn=ACTIVATIONS[network], is_gated_act=gated)
    layers = config["num_layers"], config.get("num_decoder_layers") or config["num_layers"]
    return T5Config(
        vocab_size=config["vocab_size"],
        d_model=config["d_model"],
        num_heads=config["num_heads"],
        num_layers=layers,
        d_ff=config["d_ff"],
        d_head=config["d_kv"],
        num_buckets=config["relative_attention_num_buckets"],
        max_distance=config.get("relative_attention_max_distance", 128),
        feed_forward=FEED_FORWARDS[network][0],
        tied=_is_tied(config),
        dropout=config["dropout_rate"],
        norm_eps=config["layer_norm_epsilon"],
        pad_id=config["pad_token_id"],
    )


def _network(config: Mapping[str, Any]) -> str:
    return config.get("feed_forward_proj", "relu")


def _is_tied(config: Mapping[str, Any]) -> bool:
    """Whether the head is the table: old files say so of the table, new ones of what it reads."""
    if config.get("model_type") == "mt5":
        return False
    return config.get("scale_decoder_outputs", config.get("tie_word_embeddings", True))


def load_t5(name: str | Path) -> T5:
    """Return a published T5, from a folder or from the hub by its name.

        load_t5("google-t5/t5-small")

    Raises `MissingWeights` when it is not to be had, `ValueError` naming tensors that don't fit.
    """
    folder = checkpoint_folder(name)
    config = read_config(folder)
    with torch.device("meta"):
        model = T5(t5_config(config))
    load_renamed(model, read_tensors(folder), t5_table(config), UNUSED, assign=True)
    return model.eval()
