"""Published decoder-only models by name: their sizes, and which parts each family took."""

from dataclasses import replace
from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.nn.feedforward import SwiGLU
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.nn.positions.rotary import Rotary

# Radford et al. 2019, table 2; the vocabulary has 256 bytes, 50,000 merges and the end of a text
GPT2 = GptConfig(
    vocab_size=50257, d_model=768, num_heads=12, num_layers=12, d_ff=3072, max_len=1024
)
GPT2_MEDIUM = replace(GPT2, d_model=1024, num_heads=16, num_layers=24, d_ff=4096)
GPT2_LARGE = replace(GPT2, d_model=1280, num_heads=20, num_layers=36, d_ff=5120)
GPT2_XL = replace(GPT2, d_model=1600, num_heads=25, num_layers=48, d_ff=6400)

LLAMA_PARTS = {  # Touvron et al. 2023, section 2.2 (arXiv:2302.13971)
    "norm": partial(RMSNorm, eps=1e-5),
    "feed_forward": SwiGLU,
    "attention": partial(MultiHeadAttention, bias=False),
    "input_position": None,
    "attention_position": Rotary,
}

# SmolLM2-135M: Ben Allal et al. 2025 (arXiv:2502.02737)
SMOLLM2_135M = GptConfig(
    vocab_size=49152,
    d_model=576,
    num_heads=9,
    num_kv_heads=3,
    num_layers=30,
    d_ff=1536,
    max_len=8192,
    **LLAMA_PARTS | {"attention_position": partial(Rotary, base=100_000.0)},
)
