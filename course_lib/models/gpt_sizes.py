"""Published decoder-only models by name: their sizes, and which parts each family took.

`count_parameters(Gpt, LLAMA_7B)` counts any of them without making a number. What a family does
beside this is said where it stands.
"""

from dataclasses import replace
from functools import partial

from course_lib.models.gpt import GptConfig
from course_lib.nn.capped import CappedHead, soft_capped_attention
from course_lib.nn.feedforward import GEGLU, SwiGLU
from course_lib.nn.moe import MixtureOfExperts
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.parallel import ParallelBlock
from course_lib.nn.positions.normed import QKNorm
from course_lib.nn.positions.rotary import Rotary
from course_lib.nn.sandwich import SandwichNorm
from course_lib.nn.windowed import WindowedAttention

# Radford et al. 2019, table 2; the vocabulary is 256 bytes, 50,000 merges and the end of a text
GPT2 = GptConfig(50257, d_model=768, num_heads=12, num_layers=12, d_ff=3072, max_len=1024)
GPT2_MEDIUM = replace(GPT2, d_model=1024, num_heads=16, num_layers=24, d_ff=4096)
GPT2_LARGE = replace(GPT2, d_model=1280, num_heads=20, num_layers=36, d_ff=5120)
GPT2_XL = replace(GPT2, d_model=1600, num_heads=25, num_layers=48, d_ff=6400)

# Brown et al. 2020, table 2.1 (arXiv:2005.14165); every other layer there has a banded mask
GPT3 = replace(GPT2, d_model=12288, num_heads=96, num_layers=96, d_ff=49152, max_len=2048)

# Touvron et al. 2023, section 2.2 and table 2 (arXiv:2302.13971)
NO_BIAS = partial(MultiHeadAttention, bias=False)
LLAMA_7B = GptConfig(
    32000,
    d_model=4096,
    num_heads=32,
    num_layers=32,
    d_ff=11008,
    max_len=2048,
    tied=False,
    norm=RMSNorm,
    feed_forward=SwiGLU,
    attention=NO_BIAS,
    input_position=None,
    attention_position=Rotary,
)

# Grattafiori et al. 2024, table 3 (arXiv:2407.21783)
LLAMA3_8B = replace(
    LLAMA_7B,
    vocab_size=128256,
    num_kv_heads=8,
    d_ff=14336,
    max_len=8192,
    norm=partial(RMSNorm, eps=1e-5),
    attention_position=partial(Rotary, base=500_000.0),
)

# SmolLM2: Ben Allal et al. 2025 (arXiv:2502.02737); sizes: the published configuration
SMOLLM2_135M = replace(
    LLAMA3_8B,
    vocab_size=49152,
    d_model=576,
    num_heads=9,
    num_kv_heads=3,
    num_layers=30,
    d_ff=1536,
    tied=True,
    attention_position=partial(Rotary, base=100_000.0),
)

# Jiang et al. 2023, table 1 (arXiv:2310.06825)
MISTRAL_7B = replace(
    LLAMA3_8B, vocab_size=32000, window=4096, attention_position=partial(Rotary, base=10_000.0)
)

# Jiang et al. 2024, table 1 (arXiv:2401.04088)
MIXTRAL_8X7B = replace(
    MISTRAL_7B,
    max_len=32768,
    window=None,
    feed_forward=partial(MixtureOfExperts, num_experts=8, top_k=2),
    attention_position=partial(Rotary, base=1_000_000.0),
)

# Qwen team 2024 (arXiv:2412.15115); sizes: the published configuration
QWEN25_05B = replace(
    LLAMA_7B,
    vocab_size=151936,
    d_model=896,
    num_heads=14,
    num_kv_heads=2,
    num_layers=24,
    d_ff=4864,
    max_len=32768,
    tied=True,
    attention=partial(MultiHeadAttention, bias_out=False),
    attention_position=partial(Rotary, base=1_000_000.0),
)

# Qwen team 2025, table 1 (arXiv:2505.09388); widths: the published configuration
QWEN3_06B = replace(
    QWEN25_05B,
    d_model=1024,
    num_heads=16,
    num_kv_heads=8,
    d_head=128,
    num_layers=28,
    d_ff=3072,
    attention=NO_BIAS,
    attention_position=partial(QKNorm, position=partial(Rotary, base=1_000_000.0)),
)

# Gemma team 2024, table 1 (arXiv:2403.08295)
GEMMA_2B = replace(
    LLAMA_7B,
    vocab_size=256000,
    d_model=2048,
    num_heads=8,
    num_kv_heads=1,
    d_head=256,
    num_layers=18,
    d_ff=16384,
    max_len=8192,
    embed_scale=2048**0.5,
    tied=True,
    feed_forward=GEGLU,
)

# Gemma team 2024, table 1 (arXiv:2408.00118)
_GEMMA2 = {"attend": partial(soft_capped_attention, cap=50.0, scale=256**-0.5), "bias": False}
GEMMA2_2B = replace(
    GEMMA_2B,
    d_model=2304,
    num_kv_heads=4,
    num_layers=26,
    d_ff=9216,
    embed_scale=2304**0.5,
    attention=(  # by turns
        partial(WindowedAttention, window=4096, **_GEMMA2),
        partial(MultiHeadAttention, **_GEMMA2),
    ),
    residual=SandwichNorm,
    tied_head=partial(CappedHead, cap=30.0),
)

# Chowdhery et al. 2022, section 2 and table 1 (arXiv:2204.02311)
PALM_540B = replace(
    LLAMA_7B,
    vocab_size=256000,
    d_model=18432,
    num_heads=48,
    num_kv_heads=1,
    d_head=256,
    num_layers=118,
    d_ff=73728,
    tied=True,
    norm=partial(LayerNorm, bias=False),
    block=ParallelBlock,
)

# Meta 2025, the published configurations, for counting. Not here: the part that sees pictures,
# positions that each fourth layer lacks, and a router that weights by a sigmoid
LLAMA4_SCOUT = replace(
    LLAMA3_8B,
    vocab_size=202048,
    d_model=5120,
    num_heads=40,
    num_layers=48,
    d_ff=8192,
    feed_forward=partial(MixtureOfExperts, num_experts=16, top_k=1, shared=SwiGLU),
)
LLAMA4_MAVERICK = replace(
    LLAMA4_SCOUT,
    feed_forward=(  # by turns
        lambda d_model, d_ff: SwiGLU(d_model, 2 * d_ff),
        partial(MixtureOfExperts, num_experts=128, top_k=1, shared=SwiGLU),
    ),
)

GPTS = {  # by the names under which they were published
    "gpt2": GPT2,
    "gpt2-medium": GPT2_MEDIUM,
    "gpt2-large": GPT2_LARGE,
    "gpt2-xl": GPT2_XL,
    "gpt3": GPT3,
    "llama-7b": LLAMA_7B,
    "llama-3-8b": LLAMA3_8B,
    "llama-4-scout": LLAMA4_SCOUT,
    "llama-4-maverick": LLAMA4_MAVERICK,
    "smollm2-135m": SMOLLM2_135M,
    "mistral-7b": MISTRAL_7B,
    "mixtral-8x7b": MIXTRAL_8X7B,
    "qwen2.5-0.5b": QWEN25_05B,
    "qwen3-0.6b": QWEN3_06B,
    "gemma-2b": GEMMA_2B,
    "gemma-2-2b": GEMMA2_2B,
    "palm-540b": PALM_540B,
}
