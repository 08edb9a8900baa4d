"""Parts of a Transformer: attention, masks, positions, norms, networks, blocks and stacks.

Each is imported from here, or from its own file: `from course_lib.nn import MultiHeadAttention`.
"""

from importlib import import_module
from typing import Any

PLACES = {  # a file: what may be imported from here
    "attention": "scaled_dot_product_attention QKVProjection SelfAttention",
    "blocks": "PostNorm PreNorm EncoderBlock DecoderBlock",
    "cache": "Cache GrowingCache StaticCache",
    "embeddings": "TokenEmbedding TiedHead",
    "feedforward": "FeedForward SwiGLU",
    "fused": "fused_attention",
    "grouped": "share_heads grouped_query_attention",
    "twins": "lean",
    "mask_forms": "window_mask prefix_mask length_mask segment_mask hide_unseen",
    "masks": "causal_mask padding_mask combine_masks",
    "multi_head": "split_heads merge_heads MultiHeadAttention",
    "norms": "layer_norm LayerNorm RMSNorm",
    "positions.alibi": "alibi_slopes Alibi",
    "positions.frequencies": "rotary_frequencies interpolated_frequencies ntk_frequencies",
    "positions.learned": "LearnedPositions",
    "positions.relative": "t5_bucket RelativeBias",
    "positions.rotary": "rotary_angles rotate_half rotate_interleaved half_order Rotary",
    "positions.sinusoidal": "sinusoidal_positions sinusoidal_halves Sinusoidal",
    "stacks": "Encoder Decoder",
}
_FILES = {name: file for file, names in PLACES.items() for name in names.split()}
__all__ = sorted(_FILES)


def __getattr__(name: str) -> Any:
    """Import a part when it is first asked for, so that nobody waits for the others."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    """The parts that may be imported from here."""
    return __all__
