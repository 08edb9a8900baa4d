"""Qwen's checkpoints in our `Gpt`: 2 and 2.5 have biases, 3 norms queries and keys instead."""

from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.nn.positions.normed import QKNorm
from course_lib.pretrained import llama
from course_lib.pretrained.angles import rotary
from course_lib.pretrained.families import Family, require

NAMES3 = llama.NAMES | {
    f"{llama.THEIRS}.self_attn.q_norm": f"{llama.OURS}.attention.position.norm_q",
    f"{llama.THEIRS}.self_attn.k_norm": f"{llama.OURS}.attention.position.norm_k",
}


def sizes2(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of Qwen 2 describes.

    Raises `ValueError` for another activation, unknown angles, or a window in some layers.
    """
    require(facts, hidden_act="silu", use_sliding_window=False)
    return llama.described(facts, attention=partial(MultiHeadAttention, bias_out=False))


def sizes3(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of Qwen 3 describes.

    Raises `ValueError` for another activation, unknown angles, or a window in some layers.
    """
    require(facts, hidden_act="silu", use_sliding_window=False, attention_bias=False)
    norm = partial(RMSNorm, eps=facts["rms_norm_eps"])
    turn, _ = rotary(facts)
    return llama.described(facts, attention_position=partial(QKNorm, position=turn, norm=norm))


QWEN2 = Family(sizes2, llama.names)
QWEN3 = Family(sizes3, partial(llama.names, table=NAMES3))
