"""The decoders of docs/library.md: its table names what is there, and its code runs."""

import re
from dataclasses import replace

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib import models
from course_lib import nn as parts
from course_lib.paths import ROOT
from course_lib.pretrained.decoders import FAMILIES

TEXT = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
_, _, SECTION = TEXT.partition("\n## Published decoders\n")
SECTION = SECTION.partition("\n## ")[0]
(CODE,) = re.findall(r"^```python\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
PAGE: dict = {}
exec(CODE, PAGE)


def test_the_table_names_every_published_size_and_parts_that_are_there():
    rows = [line.split("|") for line in SECTION.splitlines() if line.startswith("| ")][1:]
    named = re.findall(r"`(\w+)`", "".join(row[2] for row in rows))
    assert sorted(map(id, models.GPTS.values())) == sorted(id(getattr(models, n)) for n in named)
    for name in re.findall(r"`([A-Z]\w+)`", "".join(row[3] for row in rows)):
        assert hasattr(parts, name), name
    loaded = "".join(row[1] for row in rows if "`load_decoder`" in row[4]).lower()
    assert all(re.sub(r"\d", "", family) in loaded.replace("-", "") for family in FAMILIES)


def test_a_modern_gpt2_is_built_from_the_same_sizes():
    small = replace(models.GPT2, vocab_size=37, d_model=24, num_heads=3, num_layers=2, d_ff=13)
    model = PAGE["modern"](small)
    kinds = {type(part) for part in model.modules()}
    assert {parts.RMSNorm, parts.SwiGLU, parts.Rotary} <= kinds
    assert not {parts.LayerNorm, parts.FeedForward, parts.LearnedPositions} & kinds
    assert model(torch.tensor([[5, 9, 36]])).shape == (1, 3, 37)


def test_a_folder_goes_on(tmp_path):
    sizes = {"vocab_size": 37, "n_embd": 24, "n_head": 3, "n_layer": 2, "n_positions": 16}
    theirs = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).eval()
    theirs.save_pretrained(tmp_path)
    ids = torch.tensor([[5, 9, 36]])
    given = {"max_new_tokens": 9, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), **given)
    assert PAGE["go_on"](tmp_path, ids).tolist() == expected.tolist()


def test_smollm2_answers():
    assert PAGE["answer"]("What is the capital of France?") == "The capital of France is Paris."
