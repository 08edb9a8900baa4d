"""GPT-2's checkpoints in our `Gpt`: openai-community/gpt2 and its larger sisters."""

from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.nn.norms import LayerNorm
from course_lib.pretrained.families import Family, Tensors, require
from course_lib.pretrained.names import Transposed, expand_layers

THEIRS, OURS = "h.{i}", "stack.blocks.{i}"

NAMES = {  # theirs: ours
    "wte": "embed.table",
    "lm_head": "embed.table",  # stored twice or once: both must agree
    "wpe.weight": "positions.table",
    f"{THEIRS}.ln_1": f"{OURS}.around_attention.norm",
    f"{THEIRS}.attn.c_attn": Transposed(tuple(f"{OURS}.attention.to_{part}" for part in "qkv")),
    f"{THEIRS}.attn.c_proj": Transposed(f"{OURS}.attention.to_out"),
    f"{THEIRS}.ln_2": f"{OURS}.around_feed_forward.norm",
    f"{THEIRS}.mlp.c_fc": Transposed(f"{OURS}.feed_forward.up"),
    f"{THEIRS}.mlp.c_proj": Transposed(f"{OURS}.feed_forward.down"),
    "ln_f": "stack.norm",
}


def sizes(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of this family describes.

    Raises `ValueError` for a convention that is none of GPT-2's.
    """
    require(
        facts,
        activation_function=("gelu_new", "gelu_pytorch_tanh"),
        scale_attn_weights=True,
        scale_attn_by_inverse_layer_idx=False,
        tie_word_embeddings=True,
    )
    d_model = facts["n_embd"]
    return GptConfig(
        vocab_size=facts["vocab_size"],
        d_model=d_model,
        num_heads=facts["n_head"],
        num_layers=facts["n_layer"],
        d_ff=facts.get("n_inner") or 4 * d_model,
        max_len=facts["n_positions"],
        norm=partial(LayerNorm, eps=facts.get("layer_norm_epsilon", 1e-5)),
    )


def prepare(tensors: Tensors) -> Tensors:
    """Drop the word in front that some files have: "transformer.wte" is "wte"."""
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}


def unused(config: GptConfig) -> list[str]:
    """Masks, which old files keep beside the weights."""
    kinds = ("attn.bias", "attn.masked_bias")
    return [f"h.{i}.{kind}" for i in range(config.num_layers) for kind in kinds]


FAMILY = Family(sizes, lambda config: expand_layers(NAMES, config.num_layers), unused, prepare)
