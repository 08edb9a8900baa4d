"""SmolLM2 here and in Hugging Face's: what loading costs, and how fast both write.

    python benchmarks/smollm2.py [--threads 2] [--tokens 64] [--rounds 5]

Loading is measured in a process of its own, on one thread. Then both sides, with the same numbers,
write greedily after the same prompt with a cache, by turns, and must write the same: the median of
the rounds with its quartiles, and of the ratios ours / theirs. "in half" holds the matrices in
float16: of it the logits are compared. "matrices alone" is a product of one row with each matrix of
the model and nothing else: no program that keeps float32 can be faster than reading them. Where
other work shares the machine, the clock tells little: one thread's processor time (--threads 1)
tells more, and the ratios most.
"""

import argparse
import copy
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("HF_HUB_OFFLINE", "1")
PROMPT = "Once upon a time, in a village by the sea,"


def load() -> None:
    """Print what loading costs, in a process that does nothing else."""
    import torch

    torch.set_num_threads(1)
    from course_lib.pretrained.smollm2 import load_smollm2

    wall, cpu = time.perf_counter(), time.process_time()
    load_smollm2()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # Linux counts in KiB
    print(f"loading: {cpu:.2f} s of one processor, {wall:.2f} s by the clock, peak {peak:.2f} GB")


def hugging_face(model) -> object:
    """Their Llama with our numbers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from course_lib.models import SMOLLM2_135M as ours
    from course_lib.pretrained import llama

    config = LlamaConfig(
        vocab_size=ours.vocab_size,
        hidden_size=ours.d_model,
        intermediate_size=ours.d_ff,
        num_hidden_layers=ours.num_layers,
        num_attention_heads=ours.num_heads,
        num_key_value_heads=ours.num_kv_heads,
        max_position_embeddings=ours.max_len,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
    )
    theirs = LlamaForCausalLM(config).eval()
    state = model.state_dict()
    rows = {t: o for t, o in llama.names(ours).items() if t != "lm_head"}
    named = {f"{t}.weight": state[f"{o}.weight"].contiguous() for t, o in rows.items()}
    with torch.no_grad():
        theirs.load_state_dict(named | {"lm_head.weight": named["model.embed_tokens.weight"]})
    return theirs


def error(half, exact, ids) -> float:
    """The largest difference between the logits of both, read token by token as they write."""
    import torch

    from course_lib.nn import StaticCache

    caches = StaticCache(256), StaticCache(256)
    with torch.no_grad():
        return max(
            (half(ids[:, :end], cache=caches[0]) - exact(ids[:, :end], cache=caches[1])).abs().max()
            for end in range(1, ids.shape[1] + 1)
        ).item()


def contestants(tokens: int) -> dict[str, Callable]:
    """Each side as a function that writes, and the matrices alone as one that takes as long."""
    import torch
    import torch.nn.functional as F

    from course_lib.generation import generate
    from course_lib.nn import StaticCache, in_half, lean
    from course_lib.pretrained.smollm2 import load_smollm2

    model, tokenizer = load_smollm2()
    theirs, twin = hugging_face(model), lean(model)
    half = lean(in_half(copy.deepcopy(model)))
    ids = torch.tensor([tokenizer.encode(PROMPT).ids])
    print(f"in half, the logits after a token of the prompt differ by {error(half, twin, ids):.3f}")
    given = {"max_new_tokens": tokens}
    once = {"attention_mask": torch.ones_like(ids), "do_sample": False, "eos_token_id": None}
    matrices = [p for p in model.parameters() if p.ndim == 2]
    row = torch.ones(1, 1536)

    @torch.no_grad()
    def alone() -> None:
        for _ in range(tokens):
            for matrix in matrices:
                F.linear(row[:, : matrix.shape[1]], matrix)

    return {
        "ours, lean": lambda: generate(twin, ids, cache=StaticCache(256), **given),
        "ours": lambda: generate(model, ids, cache=StaticCache(256), **given),
        "Hugging Face": lambda: theirs.generate(ids, **once, **given, pad_token_id=0),
        "in half, lean": lambda: generate(half, ids, cache=StaticCache(256), **given),
        "matrices alone": alone,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--load", action="store_true", help="only load, and say what it cost")
    args = parser.parse_args()
    if args.load:
        return load()
    subprocess.run([sys.executable, __file__, "--load"], check=True)
    import torch

    torch.set_num_threads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    sides = contestants(args.tokens)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(args.rounds):
        written = []
        for name, write in sides.items():
            start = clock()
            written.append(write())
            rates[name].append(args.tokens / (clock() - start))
        assert torch.equal(written[0], written[1]) and torch.equal(written[1], written[2])
    unit = "second of the processor" if args.threads == 1 else "second by the clock"
    print(f"{args.threads} threads, load {os.getloadavg()[0]:.1f}: tokens a {unit}")
    for name, found in rates.items():
        low, middle, high = statistics.quantiles(found, n=4)
        ratios = [a / b for a, b in zip(found, rates["Hugging Face"], strict=True)]
        told = f"{statistics.median(ratios):.2f} of Hugging Face's"
        print(f"{name:15} {middle:6.1f}   ({low:.1f} to {high:.1f})   {told}")


if __name__ == "__main__":
    main()
