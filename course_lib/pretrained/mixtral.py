"""Mixtral's checkpoints in our `Gpt`: Mistral's names, and several experts in each layer."""

from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.nn.moe import MixtureOfExperts
from course_lib.pretrained import llama
from course_lib.pretrained.families import Family, require

MATRICES = {"w1": "gate", "w2": "down", "w3": "up"}


def sizes(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of this family describes.

    Raises `ValueError` for another activation, or rotary angles that are not known.
    """
    require(facts, hidden_act="silu")
    counts = {"num_experts": facts["num_local_experts"], "top_k": facts["num_experts_per_tok"]}
    window = facts.get("sliding_window")
    experts = partial(MixtureOfExperts, **counts)
    return llama.described(facts, window=window, base=1_000_000.0, feed_forward=experts)


def names(config: GptConfig) -> dict:
    """Return the table for this many layers and experts."""
    theirs, ours = f"{llama.THEIRS}.block_sparse_moe", f"{llama.OURS}.feed_forward"
    table = {name: mine for name, mine in llama.NAMES.items() if ".mlp." not in name}
    table[f"{theirs}.gate"] = f"{ours}.router"
    for e in range(config.feed_forward.keywords["num_experts"]):
        for matrix, part in MATRICES.items():
            table[f"{theirs}.experts.{e}.{matrix}"] = f"{ours}.experts.{e}.{part}"
    return llama.names(config, table)


FAMILY = Family(sizes, names)
