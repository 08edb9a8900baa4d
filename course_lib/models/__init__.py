"""Whole models, assembled from `course_lib.nn`: `from course_lib.models import Seq2Seq`."""

from course_lib.nn import lazily

PLACES = {  # a file: what may be imported from here
    "bert": "MINILM Bert BertBlock BertConfig BertEmbedding",
    "bert_heads": "Classifier MaskedHead MaskedLM Tagger init_small",
    "bert_sizes": "BERTS",
    "seq2seq": "Seq2Seq",
    "seq2seq_sizes": "BASE BIG Seq2SeqConfig",
    "vit": "VITS Vit VitConfig first_token mean_of_patches to_patches",
    "writer": "Writer",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
