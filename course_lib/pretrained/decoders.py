"""Any published decoder whose family we know, in our `Gpt`."""

from pathlib import Path

import torch

from course_lib.models.gpt import Gpt
from course_lib.pretrained import gemma, gemma2, gpt2, llama, mixtral, qwen
from course_lib.pretrained.names import load_renamed
from course_lib.pretrained.sources import checkpoint_folder, read_config, read_tensors

FAMILIES = {  # what a config.json names as its "model_type"
    "gpt2": gpt2.FAMILY,
    "llama": llama.FAMILY,
    "mistral": llama.MISTRAL,
    "qwen2": qwen.QWEN2,
    "qwen3": qwen.QWEN3,
    "gemma": gemma.FAMILY,
    "gemma2": gemma2.FAMILY,
    "mixtral": mixtral.FAMILY,
}


def load_decoder(source: str | Path) -> Gpt:
    """Return a published model with its weights as float32, ready for inference.

        load_decoder("openai-community/gpt2")

    `source` is a folder with a config.json and safetensors, or a name on the Hugging Face hub.

    Raises `MissingWeights` when there is neither, and `ValueError` for a family or a convention
    that is not known, and for tensors that are missing, surplus or misshapen, by name.
    """
    folder = checkpoint_folder(source)
    facts = read_config(folder)
    kind = facts.get("model_type")
    if kind not in FAMILIES:
        raise ValueError(f"{source} is of the family {kind!r}, known are {', '.join(FAMILIES)}")
    family = FAMILIES[kind]
    config = family.sizes(facts)
    with torch.device("meta"):  # no first weights are drawn, no second copy is made
        model = Gpt(config)
    tensors = family.prepare(read_tensors(folder))
    load_renamed(model, tensors, family.names(config), family.unused(config), assign=True)
    return model.eval()
