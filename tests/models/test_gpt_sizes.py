"""The published models have as many parameters as was published."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib import models
from course_lib.models import Gpt, count_parameters

EXACT = {  # as counted in the published checkpoints
    "GPT2": 124_439_808,
    "GPT2_MEDIUM": 354_823_168,
    "GPT2_LARGE": 774_030_080,
    "GPT2_XL": 1_557_611_200,
    "LLAMA_7B": 6_738_415_616,
    "LLAMA3_8B": 8_030_261_248,
    "SMOLLM2_135M": 134_515_008,
    "MISTRAL_7B": 7_241_732_096,
    "MIXTRAL_8X7B": 46_702_792_704,
    "QWEN25_05B": 494_032_768,
    "QWEN3_06B": 596_049_920,
    "GEMMA_2B": 2_506_172_416,
    "GEMMA2_2B": 2_614_341_888,
}
ROUNDED = {  # as papers and model cards say, in billions, and how far ours may be from it
    "GPT3": (175.0, 0.5),  # 174.6 by the sizes of its own table
    "PALM_540B": (540.35, 0.01),
    "LLAMA4_SCOUT": (109, 1.5),  # theirs has a part that sees pictures, 0.9
    "LLAMA4_MAVERICK": (400, 1.5),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_published_checkpoint_has_exactly_as_many(name):
    assert count_parameters(Gpt, getattr(models, name)) == EXACT[name]


def count_by_layers(config):
    """From two layers and four, as each further pair is like the second: Maverick has many."""
    two, four = (count_parameters(Gpt, replace(config, num_layers=n)) for n in (2, 4))
    return two + (config.num_layers // 2 - 1) * (four - two)


@pytest.mark.parametrize("name", ROUNDED)
def test_a_published_size_is_ours_when_rounded(name):
    billions, apart = ROUNDED[name]
    counted = count_by_layers(getattr(models, name)) / 1e9
    assert counted == pytest.approx(billions, abs=apart)


def test_counting_by_layers_counts_all():
    assert count_by_layers(models.LLAMA3_8B) == EXACT["LLAMA3_8B"]


def test_a_token_meets_a_part_of_a_mixture():
    every = count_parameters(Gpt, models.MIXTRAL_8X7B)
    experts = 32 * 8 * 3 * 4096 * 14336
    met = every - experts * 6 // 8
    assert round(met / 1e9, 1) == 12.9  # "13B active": Jiang et al. 2024


def test_counting_draws_nothing_however_a_model_asks_for_first_values():
    def made():
        bias, weight = nn.Parameter(torch.empty(7).uniform_()), nn.Parameter(torch.empty(3, 5))
        nn.init.normal_(tensor=weight, std=0.02)
        nn.init.trunc_normal_(nn.init.xavier_uniform_(weight), std=0.02)
        return nn.ParameterList([weight, bias, nn.Parameter(torch.empty(2).normal_())])

    assert count_parameters(made) == 3 * 5 + 7 + 2 == sum(p.numel() for p in made())
