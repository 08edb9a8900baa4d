"""What an error means together with the line that it stopped on."""

from .joined import TRUTHS_ON_LINES

# What an error says, what the learner's line holds, and what both together mean: goes first.
ON_LINES = (
    *TRUTHS_ON_LINES,
    (
        r"mask .*scores \(\d+, \d+, \d+\)",
        r"",
        "the scores have three axes here, (batch, query, key): a padding mask `(batch, key)` gets "
        "one by `[:, None, :]`, and other masks need that many, too",
    ),
    (
        r"to match target batch_size",
        r"",
        "there are more or fewer rows of scores than labels: what comes in must be as long as what "
        "is asked for",
    ),
    (
        r"NoneType",
        r"\.grad\b",
        "a gradient is None here: cleared between `backward` and the step, or that of a weight "
        "which the loss doesn't use",
    ),
    (
        r"leaf Variable that requires grad|leaf variable has been",
        r"\.grad\b|\brate\b|\blr\b",
        "a step that moves weights must not be recorded itself: let it stand inside of "
        "`with torch.no_grad():`",
    ),
    (
        r"values to unpack",
        r"\.(chunk|split|unbind|tensor_split)\(|\b(chunk|split|unbind)\(",
        "`chunk`, `split` and `unbind` cut along the first axis, the batch, if nothing is said: "
        "`x.chunk(3, dim=-1)` cuts the last one",
    ),
    (
        r"values to unpack",
        r"\.shape\b|\.size\(\)",
        "there are other axes here than names on this line: `x.shape[-1]` and `*_, n = x.shape` "
        "fit any number of them",
    ),
    (
        r"'(float|int)' object has no attribute 'detach'",
        r"Parameter\(",
        "`nn.Parameter` takes a tensor, not a number: `torch.zeros(())` holds a single 0",
    ),
    (
        r"^NameError",
        r"^in \w+\.\w+, ",  # in a method
        "nothing has this name on that line: is it misspelt, or a part of the object, with "
        "`self.` in front?",
    ),
)
