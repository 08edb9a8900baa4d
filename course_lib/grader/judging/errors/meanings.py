"""What an error says, and what it usually means; the first that fits is told."""

from .joined import TRUTHS
from .parts import PARTS
from .unloaded import UNLOADED

MEANINGS = (
    *TRUTHS,
    *PARTS,
    (r"^ZeroDivisionError", "something is divided by 0 on this line, or 0 has a negative power"),
    (r"^OverflowError", "a number is too large here, such as e to the 710th power"),
    (r"stack expects each|zero-dim", "`stack` wants equal shapes, `cat` an axis: `flatten` first"),
    (r"^RuntimeError: Sizes of", "`cat` wants equal lengths along every axis but its own"),
    (r"Expected target", "`cross_entropy` wants the classes on axis 1: flatten, or transpose"),
    (
        r"^KeyError: \(?[^'\"]*-\d",
        "a place below 0 was looked up, and it isn't there: what comes before the first?",
    ),
    (r"^KeyError", "a dictionary holds no such key: ask with `in` first, or with `.get`"),
    (r"arg\w* is (an )?empty|numel\(\) == 0", "the largest or smallest of nothing: is there any?"),
    (r"single memory location", "what is read is written over meanwhile: read from a `clone`"),
    (r"^RecursionError", "your function calls itself without end: which call should be the last?"),
    (r"NoneType.* '(append|extend)'", "`append` changes its list and gives None"),
    (r"NoneType", "something is None: an argument that was left out, or what no `return` gives"),
    (
        r"mat1 and mat2 shapes|inconsistent tensor size|Expected size for first two dimensions"
        r"|size mismatch|batch2 tensor|vector-vector|mat1 dim",
        "in a product `a @ b` the last axis of a must be as long as the last but one of b",
    ),
    (
        r"The size of tensor a|not broadcastable|expanded size of the tensor|expand\(",
        "two tensors don't fit: counted from the last axis, two lengths must be equal or one be 1",
    ),
    (
        r"doesn't match the broadcast shape",
        "what is changed in place, as by `+=`, keeps its shape: `b = b + …` may grow",
    ),
    (
        r"Supports 1D or 2D|expected a matrix|with <= 2 dimensions",
        "this function knows one matrix, and a stack of them came in: `x.mT` and `x.diagonal(0, "
        "-2, -1)` take the last two axes",
    ),
    (
        r"must be tuple of ints,? ?but (got float|found element of type float)"
        r"|'float' object cannot be interpreted as an int",
        "a length must be a whole number: `/` always gives a float, `//` doesn't",
    ),
    (r"is invalid for input of size", "a new shape must hold as many numbers as the old one"),
    (
        r"shape mismatch: value tensor",
        "left of `=` stand only the places that are chosen, right of it more or fewer numbers: "
        "choose there, too, as in `x[mask] = y[mask]`",
    ),
    (
        r"combination of arguments - got \(Tensor, list\)",
        "this function takes tensors, and a list came in: `torch.tensor(…)` makes one of it",
    ),
    (r"view size is not", "`view` can't read the numbers in this order: take `reshape`"),
    (
        r"values to unpack",
        "as many names as values must stand left of `=`: `split` may give more or fewer, and some "
        "calls give a second result only when asked",
    ),
    (
        r"Dimension out of range|too many indices|dimension specified as|dimensions in the tensor "
        r"input does not match|need to be at least 1D",
        "the number of axes is another than this line expects: look at the argument's shape",
    ),
    (
        r"leaf Variable that requires grad|modified by an inplace operation|leaf variable has been",
        "an input, or what a gradient needs later, is edited in place: make a new tensor instead",
    ),
    (
        r"Can't call numpy\(\)|Tensor that requires grad",
        "NumPy loses the gradient, and here one is asked for: stay with PyTorch's functions",
    ),
    (
        r"expected scalar type|same dtype|same type|dtype mismatch|expected m1 and m2"
        r"|self.dtype to be equal|Input type .* should be the same",
        "two dtypes meet: let what you make yourself have the dtype of the input",
    ),
    (
        r"one element tensors can be converted|Tensor with \d+ elements",
        "a whole tensor stands where one number is needed: `math`, `int` and `.item()` take one, "
        "`torch.sin` and its like take all of them",
    ),
    (
        r"^RuntimeError: Index tensor must",
        "`gather` wants an index with as many axes as what it picks from: `[..., None]` gives one "
        "more, and `expand` the lengths",
    ),
    (
        r"same number of dimensions",
        "what is put together must have equally many axes: give the shorter one its axis, as in "
        "`x[:, None]`",
    ),
    (
        r"'(Tensor|tuple)' and '(Tensor|tuple)'",
        "a tuple stands where a tensor is needed: take the result of the call apart first",
    ),
    (
        r"^NameError",
        "nothing has this name there: is it misspelt, or made only further down?",
    ),
    (
        r"not implemented for '|not supported for|unsupported ScalarType",
        "this function doesn't know that dtype: convert the input, and the result back",
    ),
    (
        r"index -\d+ is out of bounds",
        "an index below 0 counts from the end, and this one goes past the first place: at a "
        "border, is there a place before?",
    ),
    (
        r"index -?\d+ is out of bounds|(tuple|list) index out of range",
        "there is no such place: places count from 0, and [-1] is the last, however many there are",
    ),
    (
        r"must be Tensor, not (int|float)",
        "this function takes tensors, and a plain number came in: use `math` for it, or `** 0.5` "
        "for a root",
    ),
    (
        r"argument #1 'indices'",
        "an embedding looks rows up by whole numbers, and decimal ones came in: as a head, its "
        "table is multiplied with, `x @ table.weight.T`",
    ),
    (r"as indices must be", "places are whole numbers: `arange` gives such, `.long()` makes some"),
    (
        r"'(int|float)' object is not iterable|can only concatenate list \(not \"(int|float)"
        r"|'(int|float)' and 'list'",
        "a list is wanted here, and one number came: put brackets around it, or `append` it",
    ),
    (r"an iterable, but got", "a list is wanted here, and one thing came: put brackets around it"),
    (r"unary -: '(list|tuple)'", "a list can't be calculated with: let it stay a tensor"),
    (
        r"unsupported operand type\(s\) for (//|/|%|\*\* or pow\(\)): .*'tuple'",
        "a tuple stands where one number is needed: a height with a width, say, or all that a "
        "function gives: take it apart first, and calculate with each",
    ),
    (
        r"unsupported operand .*'tuple'",
        "something is a tuple here: a function that gives several things, or a tuple of one; [0] "
        "takes the first",
    ),
    (
        r"'(float|int)' object has no attribute",
        "a plain number stands where a tensor is needed: `.item()`, `float` and `math` make one, "
        "and a method belongs to what stands right before its dot",
    ),
    (
        r"backward through the graph a second time",
        "a loss, or what it was made from, is used after its `backward`: compute it anew in each "
        "turn, keep no state from one call to the next, and return `loss.item()`",
    ),
    (
        r"element \d+ of tensors does not require grad",
        "nothing that can be learned leads to this loss: `no_grad`, `detach`, `.data`, `.item()` "
        "and `argmax` cut gradients off",
    ),
    (
        r"Only Tensors of floating point and complex dtype can require",
        "only decimal numbers can be learned, and whole ones came in: `torch.zeros`, or 0.0 for 0",
    ),
    (r"non-empty TensorList", "nothing is put together: the loop that collects it had no turn"),
    (r"only for scalar outputs", "a gradient is that of one single number: take one by one"),
    (
        r"not have been used in the graph",
        "the result was computed from another tensor than the one you ask about: an index or a "
        "copy makes a new one",
    ),
    (
        r"missing \d+ required positional arguments?: \"",
        "a function of PyTorch is called without something that it needs",
    ),
    (
        r"positional argument|unexpected keyword argument|multiple values for argument",
        "a call and a definition don't fit: compare what is handed over with what stands behind "
        "`def`; the parameters of the stub stay as they are",
    ),
    *UNLOADED,
    (
        r"cannot be converted to type .* without overflow",
        "a constant is too large for this dtype: `torch.inf` fits every one, and "
        "`torch.finfo(x.dtype)` knows the largest and the lowest number",
    ),
    (
        r"^UnboundLocalError|cannot access local variable",
        "a name gets its value inside a loop or an `if` that wasn't entered: give it one before",
    ),
    (r"pop from (an )?empty", "taken out of what is empty: ask for its length first"),
    (r"not in (list|tuple)|\.index\(x\)", "what is looked for isn't there: ask with `in` first"),
    (
        r"not supported between instances",
        "things of two kinds have no order: what is compared here, a text with a number?",
    ),
    (r"^AssertionError", "an `assert` failed: it is for what can't happen; a caller's mistake can"),
)
