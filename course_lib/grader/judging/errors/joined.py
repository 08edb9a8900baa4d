"""What an error about True and False means, alone and together with the line it stopped on."""

TRUTHS = (
    (
        r"^IndexError: The shape of the mask",
        "True and False pick places only in a tensor of their own shape: `expand` them first, or "
        "take `masked_fill` or `where`, which broadcast",
    ),
    (
        r"\"bitwise_\w+\" not implemented for '\w*(Float|Half|Double)"
        r"|operand type\(s\) for [&|^]=?: ('float' and|'\w+' and 'float')",
        "`&`, `|` and `^` join True and False, and a decimal number stands beside one here: are "
        "brackets missing, as in `(a < b) & c`, or is a mask made a float?",
    ),
    (
        r"only implemented on integer and Boolean|bad operand type for unary ~",
        "`~` turns True and False round, and decimal numbers came in: turn the mask round before "
        "it is made numbers, or take `1 - x`",
    ),
    (
        r"Boolean value of Tensor",
        "a whole tensor stands where one truth is needed: `all` and `any` make one of it; between "
        "tensors stand `&` and `|`, not `and` and `or`",
    ),
    (r"'bool' object is not", "one truth alone: `is`, `in`, `not`, `and` give no tensor of them"),
)
TRUTHS_ON_LINES = (
    (
        r"with a bool tensor is not supported",
        r"",
        "True and False aren't calculated with: `~` turns them round, and `.float()` makes them 1 "
        "and 0",
    ),
    (
        r"Boolean value of Tensor",
        r"\bcausal_mask\(",
        "`causal_mask` takes lengths, such as `x.shape[1]`, and a tensor came in",
    ),
    (
        r"Boolean value of Tensor",
        r": (\w+) = \1 or |\bif (not )?\w+(:| else\b)",
        "a tensor has no truth of its own: whether one was handed in is asked with `is None`, as "
        "in `if key is None:`",
    ),
    (
        r"Boolean value of Tensor",
        r"([<>]=?|[=!]=) ?[\w.]+ [&|] ",
        "brackets are missing: `&` and `|` bind before `<` and `==`, so write `(a < b) & (c < d)`",
    ),
    (
        r"Boolean value of Tensor",
        r"<=? ?[\w.]+ ?<|>=? ?[\w.]+ ?>",
        "`a <= x < b` asks two questions joined by `and`, which takes one truth, not a tensor: "
        "`(a <= x) & (x < b)`",
    ),
    (
        r"Boolean value of Tensor",
        r"(=|\bif|\breturn|\bnot|\band|\bor|[([&|]) ?[\w.]+ (not )?in [\w\[(]",
        "`in` asks one question of a whole tensor: `torch.isin` asks it at each place",
    ),
)
