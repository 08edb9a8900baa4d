"""PyTorch's modules loaded with our weights: the oracle of several test files."""

from torch import cat, nn


def attention_weights(ours, name):
    """Our attention's weights under PyTorch's names, queries, keys and values in one matrix."""
    parts = ours.to_q, ours.to_k, ours.to_v
    return {
        f"{name}.in_proj_weight": cat([part.weight for part in parts]),
        f"{name}.in_proj_bias": cat([part.bias for part in parts]),
        f"{name}.out_proj.weight": ours.to_out.weight,
        f"{name}.out_proj.bias": ours.to_out.bias,
    }


def block_weights(ours, **attentions):
    """A block's weights under PyTorch's names; its norms are numbered in the order of use."""
    state = {}
    for name, attention in attentions.items():
        state |= attention_weights(attention, name)
    around = [part for part in ours.children() if hasattr(part, "norm")]
    layers = {"linear1": ours.feed_forward.up, "linear2": ours.feed_forward.down}
    layers |= {f"norm{i}": part.norm for i, part in enumerate(around, start=1)}
    for name, layer in layers.items():
        state |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
    return state


def encoder_weights(block):
    return block_weights(block, self_attn=block.attention)


def decoder_weights(block):
    attentions = {"self_attn": block.self_attention, "multihead_attn": block.cross_attention}
    return block_weights(block, **attentions)


def stack_weights(stack, of_block, name):
    """A whole stack's weights, its last norm included where it has one."""
    state = {
        f"{name}.layers.{i}.{key}": value
        for i, block in enumerate(stack.blocks)
        for key, value in of_block(block).items()
    }
    last = dict(stack.norm.named_parameters())
    return state | {f"{name}.norm.{key}": value for key, value in last.items()}


def layer_twin(kind, state, sizes, dtype, norm_first):
    """One encoder or decoder layer; `sizes` are (d_model, num_heads, d_ff)."""
    theirs = kind(*sizes, dropout=0.0, batch_first=True, norm_first=norm_first).to(dtype)
    theirs.load_state_dict(state)
    return theirs


def transformer_twin(encoder, decoder, sizes, dtype, norm_first):
    """The whole of `nn.Transformer`, less the norms that post-norm has no use for."""
    d_model, num_heads, d_ff = sizes
    theirs = nn.Transformer(
        d_model,
        num_heads,
        len(encoder.blocks),
        len(decoder.blocks),
        d_ff,
        dropout=0.0,
        batch_first=True,
        norm_first=norm_first,
    )
    if not norm_first:
        theirs.encoder.norm = theirs.decoder.norm = None
    state = stack_weights(encoder, encoder_weights, "encoder")
    theirs.load_state_dict(state | stack_weights(decoder, decoder_weights, "decoder"))
    return theirs.to(dtype)
