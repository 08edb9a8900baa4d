"""Whole models, assembled from `course_lib.nn`: `from course_lib.models import Seq2Seq`."""

from course_lib.nn import lazily

PLACES = {  # a file: what may be imported from here
    "bert": "MINILM Bert BertBlock BertConfig BertEmbedding",
    "counting": "count_parameters",
    "gpt": "Gpt GptConfig",
    "gpt_sizes": "GPT2 GPT2_MEDIUM GPT2_LARGE GPT2_XL GPT3 LLAMA_7B LLAMA3_8B LLAMA4_SCOUT "
    "LLAMA4_MAVERICK SMOLLM2_135M MISTRAL_7B MIXTRAL_8X7B QWEN25_05B QWEN3_06B GEMMA_2B PALM_540B",
    "seq2seq": "Seq2Seq",
    "seq2seq_sizes": "BASE BIG Seq2SeqConfig",
    "writer": "Writer",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
