"""Gemma 2's checkpoints in our `Gpt`: norms on both sides, layers with a window by turns, caps."""

from collections.abc import Callable
from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.nn.capped import CappedHead, soft_capped_attention
from course_lib.nn.embeddings import TiedHead
from course_lib.nn.feedforward import GEGLU
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.sandwich import SandwichNorm
from course_lib.nn.windowed import WindowedAttention
from course_lib.pretrained import gemma, llama
from course_lib.pretrained.angles import rotary
from course_lib.pretrained.families import Family, require

FULL, WINDOW = "full_attention", "sliding_attention"
NAMES = llama.NAMES | {
    f"{llama.THEIRS}.post_attention_layernorm": f"{llama.OURS}.around_attention.after",
    f"{llama.THEIRS}.pre_feedforward_layernorm": f"{llama.OURS}.around_feed_forward.norm",
    f"{llama.THEIRS}.post_feedforward_layernorm": f"{llama.OURS}.around_feed_forward.after",
}


def sizes(facts: dict) -> GptConfig:
    """Return the configuration that a config.json of this family describes.

    Raises `ValueError` for another activation, rotary angles that are not known or make scores
    larger, a head of its own, layers of other kinds, or a look ahead.
    """
    require(facts, hidden_activation="gelu_pytorch_tanh", attention_bias=False)
    require(facts, use_bidirectional_attention=False, tie_word_embeddings=True)
    if rotary(facts)[1] != 1:
        raise ValueError("can't build a Gemma 2 with angles that make scores larger, as YaRN's do")
    cap = facts.get("final_logit_softcapping", 30.0)
    return llama.described(
        facts | {"layer_types": None},
        tied=True,
        feed_forward=GEGLU,
        embed_scale=facts["hidden_size"] ** 0.5,
        attention=_attentions(facts),
        residual=SandwichNorm,
        tied_head=TiedHead if cap is None else partial(CappedHead, cap=cap),
    )


def _attentions(facts: dict) -> tuple[Callable, ...]:
    """One for each layer; where the file does not say which has a window, the first, the third …"""
    turns = [(WINDOW, FULL)[i % 2] for i in range(facts["num_hidden_layers"])]
    kinds, window = facts.get("layer_types") or turns, facts.get("sliding_window", 4096)
    for kind in kinds:
        require({"layer_types": kind}, layer_types=(FULL, WINDOW))
    cap, scale = facts.get("attn_logit_softcapping", 50.0), facts["query_pre_attn_scalar"] ** -0.5
    given = {"bias": False, "scale": scale}
    if cap is not None:
        attend = partial(soft_capped_attention, cap=cap, scale=scale)
        given = {"bias": False, "attend": attend}
    full, near = MultiHeadAttention, partial(WindowedAttention, window=window)
    return tuple(partial(full if k == FULL or window is None else near, **given) for k in kinds)


FAMILY = Family(sizes, partial(llama.names, table=NAMES), prepare=gemma.prepare)
