"""Whole models, assembled from `course_lib.nn`: `from course_lib.models import Seq2Seq`."""

from course_lib.nn import lazily

PLACES = {  # a file: what may be imported from here
    "bart": "BARTS MARIANS NormedPositions ShiftedHead Bart Marian",
    "bert": "MINILM Bert BertBlock BertConfig BertEmbedding",
    "bert_heads": "Classifier MaskedHead MaskedLM Tagger",
    "bert_sizes": "BERTS",
    "counting": "count_parameters",
    "gpt": "Gpt GptConfig",
    "gpt_sizes": "GPTS GPT2 GPT2_MEDIUM GPT2_LARGE GPT2_XL GPT3 LLAMA_7B LLAMA3_8B LLAMA4_SCOUT "
    "LLAMA4_MAVERICK SMOLLM2_135M MISTRAL_7B MIXTRAL_8X7B QWEN25_05B QWEN3_06B GEMMA_2B "
    "GEMMA2_2B PALM_540B",
    "seq2seq": "Seq2Seq",
    "seq2seq_sizes": "BASE BIG Seq2SeqConfig",
    "starting": "init_small init_xavier",
    "t5": "T5S ScaledHead T5Config T5",
    "vit": "VITS Vit VitConfig first_token mean_of_patches to_patches",
    "whisper": "WHISPERS AudioFront KeysWithoutBias Whisper WhisperConfig",
    "writer": "Writer",
}
__getattr__, __dir__, __all__ = lazily(__name__, PLACES)
