"""What it means when weights can't be loaded into a module; the first that fits is told."""

UNLOADED = (
    (  # all of them of blocks that aren't the first
        r"state_dict: missing: (?>(?:\w+\.)*?[1-9]\d*\.[\w.]++(?:, |$))+$",
        "what is missing stands behind the first block or layer: are as many made as asked for?",
    ),
    (
        r"loading state_dict: missing: [^;]*$",
        "parameters are missing: under another name, too few blocks, without the bias, or plain "
        "tensors, which no module owns until `nn.Parameter` is around them",
    ),
    (
        r"state_dict[^:]*: not asked for: (?>(?:\w+\.)*?[1-9]\d*\.[\w.]++(?:, |$))+$",
        "what is too many stands behind the first block or layer: are more made than asked for?",
    ),
    (
        r"loading state_dict[^:]*: not asked for: [^;]*$",
        "parameters that the text doesn't list: what is shared is made once; is a bias too many?",
    ),
    (
        r"loading state_dict[^:]*: [\w.]+ is \(",
        "parameters of another size, yours named first: is an argument in the wrong place?",
    ),
    (
        r"loading state_dict",
        "other parameters than asked for: each part that is given must be there as often as the "
        "text says, under its own name and in its own size, and no other",
    ),
)
