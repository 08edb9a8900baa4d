"""BERT, RoBERTa and ALBERT: their checkpoints in our `Bert` and its heads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.models.bert import Bert, BertConfig
from course_lib.models.bert_heads import MaskedLM
from course_lib.pretrained.families import require
from course_lib.pretrained.names import expand_layers, load_renamed
from course_lib.pretrained.sources import checkpoint_folder, read_config, read_tensors

EMBEDDING = {  # theirs: ours
    "embeddings.word_embeddings": "embedding.word",
    "embeddings.position_embeddings": "embedding.position",
    "embeddings.token_type_embeddings": "embedding.segment",
    "embeddings.LayerNorm": "embedding.norm",
}
BERT = EMBEDDING | {
    "encoder.layer.{i}.attention.self.query": "blocks.{i}.attention.to_q",
    "encoder.layer.{i}.attention.self.key": "blocks.{i}.attention.to_k",
    "encoder.layer.{i}.attention.self.value": "blocks.{i}.attention.to_v",
    "encoder.layer.{i}.attention.output.dense": "blocks.{i}.attention.to_out",
    "encoder.layer.{i}.attention.output.LayerNorm": "blocks.{i}.norm_attention",
    "encoder.layer.{i}.intermediate.dense": "blocks.{i}.feed_forward.0",
    "encoder.layer.{i}.output.dense": "blocks.{i}.feed_forward.2",
    "encoder.layer.{i}.output.LayerNorm": "blocks.{i}.norm_feed_forward",
}
_GROUP = "encoder.albert_layer_groups.{i}.albert_layers.0"
ALBERT = EMBEDDING | {
    "encoder.embedding_hidden_mapping_in": "embedding.widen",
    f"{_GROUP}.attention.query": "blocks.{i}.attention.to_q",
    f"{_GROUP}.attention.key": "blocks.{i}.attention.to_k",
    f"{_GROUP}.attention.value": "blocks.{i}.attention.to_v",
    f"{_GROUP}.attention.dense": "blocks.{i}.attention.to_out",
    f"{_GROUP}.attention.LayerNorm": "blocks.{i}.norm_attention",
    f"{_GROUP}.ffn": "blocks.{i}.feed_forward.0",
    f"{_GROUP}.ffn_output": "blocks.{i}.feed_forward.2",
    f"{_GROUP}.full_layer_layer_norm": "blocks.{i}.norm_feed_forward",
}
BODIES = {"bert": BERT, "roberta": BERT, "albert": ALBERT}

_WORDS = "bert.embedding.word"  # a head's matrix is the table: stored twice or once
HEADS = {  # a family's names for what stands on the body; a model has those that it needs
    "bert": {
        "cls.predictions.transform.dense": "head.dense",
        "cls.predictions.transform.LayerNorm": "head.norm",
        "cls.predictions.bias": "head.bias",
        "cls.predictions.decoder.weight": f"{_WORDS}.weight",
        "cls.predictions.decoder.bias": "head.bias",
        "bert.pooler.dense": "pool",
        "classifier": "classify",
    },
    "roberta": {
        "lm_head.dense": "head.dense",
        "lm_head.layer_norm": "head.norm",
        "lm_head.bias": "head.bias",
        "lm_head.decoder.weight": f"{_WORDS}.weight",
        "lm_head.decoder.bias": "head.bias",
        "classifier.dense": "pool",
        "classifier.out_proj": "classify",  # of a whole text
        "classifier": "classify",  # of tokens
    },
    "albert": {
        "predictions.dense": "head.dense",
        "predictions.LayerNorm": "head.norm",
        "predictions.bias": "head.bias",
        "predictions.decoder.weight": f"{_WORDS}.weight",
        "predictions.decoder.bias": "head.bias",
        "albert.pooler": "pool",
        "classifier": "classify",
    },
}
# Not for a masked-language model: whether two sentences follow each other, places 0, 1, 2 …
UNUSED = {
    "bert": ("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"),
    "roberta": ("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"),
    "albert": ("pooler.weight", "pooler.bias", "embeddings.position_ids"),
}
GELUS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
SENTENCES = ("cls.seq_relationship.weight", "cls.seq_relationship.bias")
SENTENCES += ("sop_classifier.classifier.weight", "sop_classifier.classifier.bias")


def bert_table(family: str, model: nn.Module) -> dict:
    """Return theirs: ours for a `Bert` of "bert", "roberta" or "albert", or one with a head."""
    body = model if isinstance(model, Bert) else model.bert
    rows = expand_layers(BODIES[family], len(body.blocks))
    if body is model:
        return rows
    under = {f"{family}.{theirs}": f"bert.{ours}" for theirs, ours in rows.items()}
    return under | HEADS[family]


def bert_config(config: Mapping[str, Any]) -> BertConfig:
    """Return our sizes for what a checkpoint's `config.json` says.

    Raises `ValueError` for a family that is none of the three, or a convention that ours has not.
    """
    require({"model_type": "", **config}, model_type=tuple(BODIES), hidden_act=tuple(GELUS))
    require(config, is_decoder=False, position_embedding_type="absolute")
    family = config["model_type"]
    first_row = config["pad_token_id"] + 1 if family == "roberta" else 0
    given = {}
    if family == "albert":
        given["num_blocks"] = config.get("num_hidden_groups", 1)
        given["d_embedding"] = config["embedding_size"]
    return BertConfig(
        vocab_size=config["vocab_size"],
        d_model=config["hidden_size"],
        num_heads=config["num_attention_heads"],
        num_layers=config["num_hidden_layers"],
        d_ff=config["intermediate_size"],
        max_len=config["max_position_embeddings"] - first_row,
        num_segments=config["type_vocab_size"],
        norm_eps=config["layer_norm_eps"],
        dropout=config["hidden_dropout_prob"],
        first_row=first_row,
        gelu=GELUS[config["hidden_act"]],
        **given,
    )


def load_masked_lm(name: str | Path) -> MaskedLM:
    """Return a published masked-language model, from a folder or from the hub by its name.

        load_masked_lm("google-bert/bert-base-uncased")

    Raises `MissingWeights` when it is not to be had, `ValueError` naming tensors that don't fit.
    """
    folder = checkpoint_folder(name)
    config = read_config(folder)
    with torch.device("meta"):
        model = MaskedLM(bert_config(config))
    family = config["model_type"]
    unused = [*(f"{family}.{tensor}" for tensor in UNUSED[family]), *SENTENCES]
    tensors = modern_names(read_tensors(folder))
    load_renamed(model, tensors, bert_table(family, model), unused, assign=True)
    return model.eval()


def modern_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with a norm's `gamma` and `beta`, as old files say, as weight and bias."""
    new = {"gamma": "weight", "beta": "bias"}
    parts = {name: name.rpartition(".") for name in tensors}
    return {f"{a}{dot}{new.get(z, z)}": tensors[name] for name, (a, dot, z) in parts.items()}
