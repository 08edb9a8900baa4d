"""Whole models, assembled from `course_lib.nn`: `from course_lib.models import Seq2Seq`."""

from course_lib.nn import lazily

PLACES = {  # a file: what may be imported from here
    "bert": "MINILM Bert BertBlock BertConfig BertEmbedding",
    "counting": "count_parameters",
    "gpt": "Gpt GptConfig",
    "gpt_sizes": "GPT2 GPT2_MEDIUM GPT2_LARGE GPT2_XL SMOLLM2_135M",
    "seq2seq": "Seq2Seq",
    "seq2seq_sizes": "BASE BIG Seq2SeqConfig",
    "writer": "Writer",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
