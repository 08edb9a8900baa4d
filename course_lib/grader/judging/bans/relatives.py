"""Families of names that do the same work: a ban on one of them is a ban on its relatives."""

FAMILIES = (
    "softmax Softmax softmax_ Softmax2d log_softmax LogSoftmax softmin Softmin gumbel_softmax "
    "_softmax _log_softmax _safe_softmax masked_softmax",
    "scaled_dot_product_attention MultiheadAttention multi_head_attention_forward flex_attention "
    "_scaled_dot_product_attention_math _native_multi_head_attention",
    "Transformer TransformerEncoder TransformerEncoderLayer TransformerDecoder "
    "TransformerDecoderLayer",
    "LayerNorm layer_norm native_layer_norm RMSNorm rms_norm GroupNorm group_norm "
    "native_group_norm BatchNorm1d BatchNorm2d batch_norm native_batch_norm InstanceNorm1d "
    "instance_norm",
    "GRU GRUCell gru gru_cell",
    "LSTM LSTMCell lstm lstm_cell",
    "RNN RNNCell rnn_tanh rnn_relu rnn_tanh_cell rnn_relu_cell",
    "cross_entropy CrossEntropyLoss nll_loss NLLLoss cross_entropy_loss",
    "xavier_uniform_ xavier_normal_ xavier_uniform xavier_normal",
    "normalize cosine_similarity CosineSimilarity",
    "SiLU silu swish Hardswish hardswish glu GLU",
    "entr entropy Categorical kl_div KLDivLoss",
    "triu tril triu_ tril_ triu_indices tril_indices",
)


# Whoever has these has those too, but not the other way round.
INSIDE = {"Transformer": "scaled_dot_product_attention"}


def with_relatives(names: tuple[str, ...]) -> set[str]:
    """The names, every member of a family that one of them belongs to, and what holds them."""
    families = [set(family.split()) for family in FAMILIES]
    banned = set(names).union(*(family for family in families if family & set(names)))
    around = {outer for outer, inner in INSIDE.items() if inner in banned}
    return banned.union(*(family for family in families if family & around))
