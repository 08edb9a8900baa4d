"""Published encoders by name: `MaskedLM(BERTS["bert-base-uncased"])`."""

from functools import partial

from course_lib.models.bert import MINILM, BertConfig

_BERT = partial(BertConfig, 30_522)
_CASED = partial(BertConfig, 28_996)
_ROBERTA = partial(BertConfig, 50_265, num_segments=1, norm_eps=1e-5, first_row=2)
_ALBERT = partial(BertConfig, 30_000, d_embedding=128, num_blocks=1, gelu="tanh", dropout=0.0)

# d_model, num_heads, num_layers, d_ff
# BERT: Devlin et al. 2018, section 3 (arXiv:1810.04805). RoBERTa: Liu et al. 2019, table 9
# (arXiv:1907.11692). ALBERT: Lan et al. 2019, table 1 (arXiv:1909.11942), the second version.
BERTS = {
    "bert-base-uncased": _BERT(768, 12, 12, 3072),
    "bert-large-uncased": _BERT(1024, 16, 24, 4096),
    "bert-base-cased": _CASED(768, 12, 12, 3072),
    "bert-large-cased": _CASED(1024, 16, 24, 4096),
    "all-MiniLM-L6-v2": MINILM,
    "roberta-base": _ROBERTA(768, 12, 12, 3072),
    "roberta-large": _ROBERTA(1024, 16, 24, 4096),
    "albert-base-v2": _ALBERT(768, 12, 12, 3072),
    "albert-large-v2": _ALBERT(1024, 16, 24, 4096),
    "albert-xlarge-v2": _ALBERT(2048, 16, 24, 8192),
    "albert-xxlarge-v2": _ALBERT(4096, 64, 12, 16_384),
}
