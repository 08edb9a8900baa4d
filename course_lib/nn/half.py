"""Matrices held in 16 bits: writing a token is mostly reading them, and they are half as long."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.embeddings import TiedHead, TokenEmbedding


def half_linear(
    x: Float[Tensor, "*batch d_in"],
    weight: Float[Tensor, "d_out d_in"],
    bias: Float[Tensor, " d_out"] | None = None,
) -> Float[Tensor, "*batch d_out"]:
    """Multiply with a matrix in float16; x comes, and the result goes, as x was.

        output = wide(narrow(x) weight^T) + bias

    That is for one row, as there is in each step of writing; PyTorch sums in float32 there. Of
    several rows the product is x's: the matrix is widened once for all of them. So it is where a
    number is too large for float16 (65,504), which no result may hide, and where gradients are to
    reach x: small ones would be none.
    """
    learns = x.requires_grad and torch.is_grad_enabled()
    if x.numel() == x.shape[-1] and not learns:
        product = F.linear(x.to(weight.dtype), weight).to(x.dtype)
        if math.isfinite(product.sum().item()):
            return product if bias is None else product + bias
    # some rows of a matrix at a time: what was just widened is then still near the processor
    products = [F.linear(x, rows.to(x.dtype)) for rows in weight.split(2**21 // x.shape[-1] + 1)]
    product = torch.cat(products, dim=-1)
    return product if bias is None else product + bias


class HalfLinear(nn.Module):
    """A linear layer, made of another one, whose matrix is held in float16 and does not learn.

        output = wide(narrow(x) W^T) + b

    A float16 has 11 binary digits where a float32 has 24: numbers are rounded by up to 1 part in
    2048, those below 6e-5 by up to 3e-8. `half_linear` says where only W is.

    Raises `ValueError` when a number of the matrix is beyond 65,504, float16's largest.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = _narrowed(linear.weight), linear.bias

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Return the product, with the bias, as precise as x."""
        return half_linear(x, self.weight, self.bias)


class HalfTable(nn.Embedding):
    """A table of vectors, made of another one, held in float16; its rows come as they came."""

    def __init__(self, table: nn.Embedding):
        weight = _narrowed(table.weight)
        super().__init__(*weight.shape, _weight=weight, _freeze=True)
        self.wide = table.weight.dtype

    def forward(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch d_model"]:
        """Return the rows of these ids."""
        return super().forward(ids).to(self.wide)


def in_half(module: nn.Module) -> nn.Module:
    """Hold a module's matrices in float16, in place, and return it; for inference.

        generate(lean(in_half(model)), ids, max_new_tokens=256, cache=StaticCache(272))

    Each `nn.Linear` becomes a `HalfLinear` of the same names, the table of a `TokenEmbedding` a
    `HalfTable`, which a `TiedHead` goes on sharing; all else stays as precise as it was, and so do
    layers with hooks, which would be lost. Writing is faster where the processor `reads_half`;
    reading several tokens at a time is not.

    Raises `ValueError`, and changes nothing, when a number of a matrix is too large for float16.
    """
    if _is_plain(module):
        return HalfLinear(module)
    for part in module.modules():
        layer = part.table if isinstance(part, TokenEmbedding) else part
        if _is_plain(layer) or (layer is not part and type(layer) is nn.Embedding):
            _check_fits(layer.weight)
    made: dict[nn.Module, HalfLinear] = {}  # a layer that stands there twice stays one
    for part in list(module.modules()):
        for name, layer in part._modules.items():
            if _is_plain(layer):
                made[layer] = made.get(layer) or HalfLinear(layer)
                setattr(part, name, made[layer])
        if isinstance(part, TokenEmbedding) and type(part.table) is nn.Embedding:
            part.table = HalfTable(part.table)
        if isinstance(part, TiedHead):
            part.linear = half_linear
    return module


def reads_half() -> bool:
    """Does PyTorch read float16 on this processor without detours?

    With AVX2 or more on x86, and with ARM's FP16 arithmetic. Elsewhere each number is made a
    float32 in several steps, which cost more than reading twice as much.
    """
    known = getattr(torch.cpu, "get_capabilities", dict)()
    wide = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return wide or known.get("fp16_arith", False)


def _is_plain(layer: nn.Module | None) -> bool:
    if type(layer) is not nn.Linear:
        return False
    return not (layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks)


def _check_fits(weight: Tensor) -> None:
    if weight.is_meta or not weight.numel():
        return
    largest = max(abs(end.item()) for end in weight.detach().aminmax())
    if largest > torch.finfo(torch.float16).max:
        shape = tuple(weight.shape)
        raise ValueError(f"a matrix {shape} has a number too large for float16: {largest:.6g}")


def _narrowed(weight: Tensor) -> nn.Parameter:
    _check_fits(weight)
    # row by row in memory, however it was laid before: that way its product is the fastest
    half = weight.detach().to(torch.float16, memory_format=torch.contiguous_format)
    return nn.Parameter(half, requires_grad=False)
