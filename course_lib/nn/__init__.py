"""Parts of a Transformer: attention, masks, positions, norms, networks, blocks and stacks.

Each is imported from here, or from its own file: `from course_lib.nn import MultiHeadAttention`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazily(room: str, places: dict[str, str]) -> tuple[Callable, Callable, list[str]]:
    """Return a room's `__getattr__`, `__dir__` and `__all__`: each part comes when it is asked for.

    `places` names the parts of each file: {"masks": "causal_mask padding_mask"}. Nobody waits for
    the others. The first of the three raises `AttributeError` for a name that is no part.
    """
    files = {name: file for file, names in places.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in files:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{files[name]}"), name)

    return get, lambda: sorted(files), sorted(files)


PLACES = {  # a file: what may be imported from here
    "capped": "soft_cap soft_capped_attention CappedHead",
    "attention": "scaled_dot_product_attention QKVProjection SelfAttention",
    "blocks": "PostNorm PreNorm EncoderBlock DecoderBlock",
    "cache": "Cache GrowingCache StaticCache",
    "embeddings": "TokenEmbedding TiedHead check_tied",
    "feedforward": "FeedForward SwiGLU GEGLU",
    "fused": "fused_attention",
    "grouped": "share_heads grouped_query_attention",
    "half": "half_linear HalfLinear HalfTable in_half reads_half",
    "lora": "LoRALinear add_lora merge_lora",
    "twins": "lean",
    "mask_forms": "window_mask prefix_mask length_mask segment_mask hide_unseen within_window",
    "masks": "causal_mask padding_mask combine_masks",
    "modes": "evaluating",
    "moe": "MixtureOfExperts",
    "multi_head": "split_heads merge_heads MultiHeadAttention",
    "windowed": "WindowedAttention",
    "norms": "layer_norm LayerNorm RMSNorm",
    "parallel": "ParallelBlock",
    "positions.alibi": "alibi_slopes Alibi",
    "positions.frequencies": "rotary_frequencies interpolated_frequencies ntk_frequencies "
    "llama3_frequencies yarn_frequencies",
    "positions.learned": "LearnedPositions",
    "positions.normed": "QKNorm",
    "positions.relative": "t5_bucket RelativeBias",
    "positions.rotary": "rotary_angles rotate_half rotate_interleaved half_order Rotary",
    "positions.sinusoidal": "sinusoidal_positions sinusoidal_halves Sinusoidal",
    "rolling": "rollout",
    "sandwich": "SandwichNorm",
    "shapes": "unread",
    "stacks": "Encoder Decoder",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
