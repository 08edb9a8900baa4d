"""Whisper: its checkpoints on the hub in our model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from course_lib.models.whisper import Whisper, WhisperConfig
from course_lib.pretrained.bart import layer_table
from course_lib.pretrained.families import require
from course_lib.pretrained.names import load_renamed
from course_lib.pretrained.sources import checkpoint_folder, read_config, read_tensors

TABLE = {  # theirs: ours; the layers are named as BART's
    "model.encoder.conv1": "front.conv1",
    "model.encoder.conv2": "front.conv2",
    "model.encoder.embed_positions.weight": "front.places.table",
    "model.encoder.layer_norm": "encoder.norm",
    "model.decoder.embed_tokens": "embed_source.table",
    "model.decoder.embed_positions.weight": "decoder_position.table",
    "model.decoder.layer_norm": "decoder.norm",
    "proj_out": "embed_source.table",
}


def whisper_table(config: WhisperConfig) -> dict:
    """Return theirs: ours for a whole Whisper."""
    both = config.num_layers
    read, write = (both, both) if isinstance(both, int) else both
    return TABLE | layer_table("encoder", read) | layer_table("decoder", write)


def whisper_config(config: Mapping[str, Any]) -> WhisperConfig:
    """Return our sizes for what a checkpoint's `config.json` says.

    Raises `ValueError` naming a convention that ours has not.
    """
    require(config, model_type="whisper", activation_function="gelu", scale_embedding=False)
    heads, d_ff = config["encoder_attention_heads"], config["encoder_ffn_dim"]
    require(config, decoder_attention_heads=heads, decoder_ffn_dim=d_ff)
    return WhisperConfig(
        vocab_size=config["vocab_size"],
        d_model=config["d_model"],
        num_heads=heads,
        num_layers=(config["encoder_layers"], config["decoder_layers"]),
        d_ff=d_ff,
        num_mels=config["num_mel_bins"],
        audio_len=config["max_source_positions"],
        text_len=config["max_target_positions"],
        pad_id=config["pad_token_id"],
        dropout=config["dropout"],
    )


def load_whisper(name: str | Path) -> Whisper:
    """Return a published Whisper, from a folder or from the hub by its name.

        load_whisper("openai/whisper-base")

    Raises `MissingWeights` when it is not to be had, `ValueError` naming tensors that don't fit.
    """
    folder = checkpoint_folder(name)
    config = whisper_config(read_config(folder))
    with torch.device("meta"):
        model = Whisper(config)
    load_renamed(model, read_tensors(folder), whisper_table(config), assign=True)
    return model.eval()
