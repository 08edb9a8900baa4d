"""Gemma's checkpoints in our `Gpt`: LLaMA's names, and norms that are stored as 1 less."""

from course_lib.models.gpt import GptConfig
from course_lib.nn.feedforward import GEGLU
from course_lib.pretrained import llama
from course_lib.pretrained.families import Family, Tensors, require


def sizes(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of this family describes.

    Raises `ValueError` for another activation, rotary angles that are not known, or a look ahead.
    """
    require(facts, hidden_act=("gelu", "gelu_pytorch_tanh"), hidden_activation="gelu_pytorch_tanh")
    require(facts, attention_bias=False, use_bidirectional_attention=False, sliding_window=None)
    tied, scale = facts.get("tie_word_embeddings", True), facts["hidden_size"] ** 0.5
    return llama.described(facts, tied=tied, feed_forward=GEGLU, embed_scale=scale)


def prepare(tensors: Tensors) -> Tensors:
    """Add the 1 that Gemma's norms add to their weights when they run."""
    return {name: x + 1 if name.endswith("norm.weight") else x for name, x in tensors.items()}


FAMILY = Family(sizes, llama.names, prepare=prepare)
