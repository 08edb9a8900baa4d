"""Vision Transformers: their checkpoints in our `Vit`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.models.vit import Vit, VitConfig
from course_lib.pretrained.families import require
from course_lib.pretrained.names import expand_layers, load_renamed
from course_lib.pretrained.sources import checkpoint_folder, read_config, read_tensors

_LAYER, _BLOCK = "vit.encoder.layer.{i}", "encoder.blocks.{i}"
CLS, PLACES = "vit.embeddings.cls_token", "vit.embeddings.position_embeddings"
FILTERS = "vit.embeddings.patch_embeddings.projection.weight"
VIT = {  # theirs: ours
    CLS: "cls",
    PLACES: "position.table",
    "vit.embeddings.patch_embeddings.projection": "embed",
    f"{_LAYER}.layernorm_before": f"{_BLOCK}.around_attention.norm",
    f"{_LAYER}.attention.attention.query": f"{_BLOCK}.attention.to_q",
    f"{_LAYER}.attention.attention.key": f"{_BLOCK}.attention.to_k",
    f"{_LAYER}.attention.attention.value": f"{_BLOCK}.attention.to_v",
    f"{_LAYER}.attention.output.dense": f"{_BLOCK}.attention.to_out",
    f"{_LAYER}.layernorm_after": f"{_BLOCK}.around_feed_forward.norm",
    f"{_LAYER}.intermediate.dense": f"{_BLOCK}.feed_forward.up",
    f"{_LAYER}.output.dense": f"{_BLOCK}.feed_forward.down",
    "vit.layernorm": "encoder.norm",
    "classifier": "head",
}
UNUSED = ("vit.pooler.dense.weight", "vit.pooler.dense.bias")  # for vectors, not for classes


def vit_config(config: Mapping[str, Any]) -> VitConfig:
    """Return our sizes for what a checkpoint's `config.json` says.

    Raises `ValueError` for another family, or a convention that ours has not.
    """
    require(config, model_type="vit", hidden_act="gelu", qkv_bias=True)
    return VitConfig(
        image_size=_side(config, "image_size"),
        patch_size=_side(config, "patch_size"),
        d_model=config["hidden_size"],
        num_heads=config["num_attention_heads"],
        num_layers=config["num_hidden_layers"],
        d_ff=config["intermediate_size"],
        num_classes=len(config.get("id2label", (0, 1))),  # two, where the file does not say
        channels=config["num_channels"],
        norm_eps=config["layer_norm_eps"],
        dropout=config["hidden_dropout_prob"],
    )


def _side(config: Mapping[str, Any], name: str) -> int:
    size = config[name]
    sides = set(size) if isinstance(size, list | tuple) else {size}
    if len(sides) > 1:
        raise ValueError(f"can't build a model with {name}={size!r}, only with squares")
    return sides.pop()


def flattened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with each filter (channels, height, width) as one row of a matrix."""
    flat = dict(tensors)
    for name, start in ((FILTERS, 1), (CLS, 0)):
        if name in flat:
            flat[name] = flat[name].flatten(start)
    if PLACES in flat:
        flat[PLACES] = flat[PLACES].flatten(0, 1)
    return flat


def load_vit(name: str | Path) -> Vit:
    """Return a published classifier of images, from a folder or from the hub by its name.

        load_vit("google/vit-base-patch16-224")

    Raises `MissingWeights` when it is not to be had, `ValueError` naming tensors that don't fit.
    """
    folder = checkpoint_folder(name)
    with torch.device("meta"):
        model = Vit(vit_config(read_config(folder)))
    table = expand_layers(VIT, model.config.num_layers)
    load_renamed(model, flattened(read_tensors(folder)), table, UNUSED, assign=True)
    return model.eval()
