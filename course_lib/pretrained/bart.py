"""BART and Marian: their checkpoints in our encoder–decoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.models.bart import Bart, Marian
from course_lib.models.seq2seq_sizes import Seq2SeqConfig
from course_lib.pretrained.families import require
from course_lib.pretrained.names import expand_layers, load_renamed
from course_lib.pretrained.sources import checkpoint_folder, read_config, read_tensors

SIDES = {  # a side: its attentions, as (their name, our attention, what is around it)
    "encoder": [("self_attn", "attention", "around_attention")],
    "decoder": [
        ("self_attn", "self_attention", "around_self"),
        ("encoder_attn", "cross_attention", "around_cross"),
    ],
}
ATTENTION = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
SHIFT = "final_logits_bias"
TABLE = {  # theirs: ours; one table, stored once or several times
    "model.shared": "embed_source.table",
    "model.encoder.embed_tokens": "embed_source.table",
    "model.decoder.embed_tokens": "embed_source.table",
    "lm_head": "embed_source.table",
    SHIFT: "head.shift",
}
PLACES = {  # BART's
    "model.encoder.embed_positions.weight": "position.places.table",
    "model.encoder.layernorm_embedding": "position.norm",
    "model.decoder.embed_positions.weight": "decoder_position.places.table",
    "model.decoder.layernorm_embedding": "decoder_position.norm",
}
# Marian's waves are computed, never learned; some files hold them too
WAVES = ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight")
FAMILIES = {"bart": (Bart, PLACES, ()), "marian": (Marian, {}, WAVES)}
ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu, "swish": F.silu, "silu": F.silu}


def layer_table(side: str, num_layers: int) -> dict:
    """Return theirs: ours for the layers of one side, as BART, Marian and Whisper name them."""
    theirs, ours, rows = f"model.{side}.layers.{{i}}", f"{side}.blocks.{{i}}", {}
    for kind, our, around in SIDES[side]:
        rows |= {f"{theirs}.{kind}.{t}": f"{ours}.{our}.{o}" for t, o in ATTENTION.items()}
        rows[f"{theirs}.{kind}_layer_norm"] = f"{ours}.{around}.norm"
    rows |= {
        f"{theirs}.fc1": f"{ours}.feed_forward.up",
        f"{theirs}.fc2": f"{ours}.feed_forward.down",
        f"{theirs}.final_layer_norm": f"{ours}.around_feed_forward.norm",
    }
    return expand_layers(rows, num_layers)


def bart_sizes(config: Mapping[str, Any]) -> Seq2SeqConfig:
    """Return our sizes for what a checkpoint's `config.json` says.

    Raises `ValueError` naming a convention that ours has not.
    """
    require(
        {"model_type": "", **config},
        model_type=tuple(FAMILIES),
        activation_function=tuple(ACTIVATIONS),
    )
    require(config, share_encoder_decoder_embeddings=True, tie_word_embeddings=True)
    heads, d_ff = config["encoder_attention_heads"], config["encoder_ffn_dim"]
    require(config, decoder_attention_heads=heads, decoder_ffn_dim=d_ff, normalize_before=False)
    return Seq2SeqConfig(
        source_vocab=config["vocab_size"],
        target_vocab=config["vocab_size"],
        d_model=config["d_model"],
        num_heads=heads,
        num_layers=(config["encoder_layers"], config["decoder_layers"]),
        d_ff=d_ff,
        dropout=config["dropout"],
        max_len=config["max_position_embeddings"],
        pad_id=config["pad_token_id"],
        tied=True,
    )


def load_bart(name: str | Path) -> Bart | Marian:
    """Return a published BART or Marian, from a folder or from the hub by its name.

        load_bart("facebook/bart-base"),   load_bart("Helsinki-NLP/opus-mt-en-fr")

    Raises `MissingWeights` when it is not to be had, `ValueError` for another family or naming
    tensors that don't fit.
    """
    folder = checkpoint_folder(name)
    config = read_config(folder)
    sizes = bart_sizes(config)
    make, places, unused = FAMILIES[config["model_type"]]
    scale = sizes.d_model**0.5 if config["scale_embedding"] else 1.0
    activation = ACTIVATIONS[config["activation_function"]]
    with torch.device("meta"):
        model = make(sizes, activation=activation, embed_scale=scale)
    read, write = sizes.depths
    table = TABLE | places | layer_table("encoder", read) | layer_table("decoder", write)
    tensors = in_our_shapes(read_tensors(folder), sizes, places)
    load_renamed(model, tensors, table, unused, assign=True)
    return model.eval()


def in_our_shapes(
    tensors: Mapping[str, Tensor], sizes: Seq2SeqConfig, places: Mapping[str, str]
) -> dict[str, Tensor]:
    """Return the tensors with one axis for what is added to the scores, 0 where the file has none.

    The first two rows of BART's places belong to no place and are left out. A file without a head
    of its own, as bart-base's, lacks the "model." in front of its names.
    """
    headless = "shared.weight" in tensors
    tensors = {f"model.{name}" if headless else name: x for name, x in tensors.items()}
    ours = {SHIFT: torch.zeros(1, sizes.target_vocab)} | tensors
    ours[SHIFT] = ours[SHIFT].flatten()
    for name in ours.keys() & places.keys() & set(WAVES):
        ours[name] = ours[name][2:]
    return ours
