"""LLaMA's checkpoints in our `Gpt`; Mistral's, and those of SmolLM2, have the same names."""

OURS = "stack.blocks.{i}"
THEIRS = "model.layers.{i}"

NAMES = {  # theirs: ours
    "model.embed_tokens": "embed.table",
    f"{THEIRS}.input_layernorm": f"{OURS}.around_attention.norm",
    f"{THEIRS}.self_attn.q_proj": f"{OURS}.attention.to_q",
    f"{THEIRS}.self_attn.k_proj": f"{OURS}.attention.to_k",
    f"{THEIRS}.self_attn.v_proj": f"{OURS}.attention.to_v",
    f"{THEIRS}.self_attn.o_proj": f"{OURS}.attention.to_out",
    f"{THEIRS}.post_attention_layernorm": f"{OURS}.around_feed_forward.norm",
    f"{THEIRS}.mlp.gate_proj": f"{OURS}.feed_forward.gate",
    f"{THEIRS}.mlp.up_proj": f"{OURS}.feed_forward.up",
    f"{THEIRS}.mlp.down_proj": f"{OURS}.feed_forward.down",
    "model.norm": "stack.norm",
    "lm_head": "head",  # where it is not tied
}
