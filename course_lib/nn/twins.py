"""The same numbers in fewer Python steps: a model as it is while it writes token by token.

One token is little work for PyTorch, so most of a step's time goes to what stands around it:
modules that look for hooks and look up their parts, checks of shapes, three matrices where one
would do.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.blocks import EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import GEGLU, FeedForward, SwiGLU
from course_lib.nn.half import HalfLinear, half_linear
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.positions.rotary import Rotary, rotary_angles, rotate_half
from course_lib.nn.stacks import Encoder


def lean(module: nn.Module) -> nn.Module:
    """Return a twin of a module that computes the same with fewer steps, for evaluation alone.

        generate(lean(model), ids, max_new_tokens=256, cache=StaticCache(272))

    The twin has the weights of now: make a new one when they have changed or moved. Dropout is
    off, shapes are not checked, and what a `forward` stores on itself stays with the twin. A
    module with hooks, with a `forward` of its own instance or with another way to be called is
    used as it is.
    """
    return _twin(module, {})


class _LeanEncoder(Encoder):
    """A stack of blocks that are functions; with `return_weights` it is a stack as ever."""

    def __call__(self, x, mask=None, *, places=None, cache=None, return_weights=False):
        if return_weights:
            given = {"places": places, "cache": cache, "return_weights": True}
            return Encoder.forward(self, x, mask, **given)
        for look, think in self.steps:
            x = think(look(x, mask, places, cache))
        return self.norm(x)


class _LeanRotary(Rotary):
    """Positions whose waves are made once, for all layers that turn alike, and made longer."""

    def __call__(self, query, key, places=None):
        if places is not None or query.dtype not in EXACT:
            return Rotary.forward(self, query, key, places)
        n_key = key.shape[-2]
        if not self.waves or len(self.waves[0]) < n_key:
            frequencies = self.frequencies.to(device=key.device, dtype=query.dtype)
            angles = rotary_angles(torch.arange(2 * n_key, device=key.device), frequencies)
            cos, sin = angles.cos(), angles.sin()
            self.waves[:] = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
        cos, sin = (wave[:n_key] for wave in self.waves)
        first = n_key - query.shape[-2]
        return _turn(query, cos[first:], sin[first:]), _turn(key, cos, sin), None


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """`rotate_half`: (a, b) becomes (a, b) cos + (-b, a) sin."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)


EXACT = (torch.float32, torch.float64)
_KINDS: dict[type, type] = {}  # a class: the same one, called without detours


def _twin(module: nn.Module, made: dict) -> Any:
    if module not in made:
        if module is None or _is_special(module):
            return module
        twin = made[module] = object.__new__(_kind_of(module))
        twin.__dict__.update(module.__dict__, training=False)
        parts = {name: _twin(part, made) for name, part in module._modules.items()}
        for held in (module._parameters, module._buffers, parts):
            twin.__dict__.update(held)  # found at once: `__getattr__` is the long way
        twin.__dict__["_modules"] = parts
        if isinstance(twin, _LeanRotary):
            twin.__dict__["waves"] = made.setdefault(tuple(module.frequencies.tolist()), [])
        if isinstance(twin, _LeanEncoder):
            twin.__dict__["steps"] = [_steps(block, made) for block in module.blocks]
            twin.__dict__["norm"] = _plain(module.norm, made)
    return made[module]


def _is_special(module: nn.Module) -> bool:
    hooks = module._forward_hooks or module._forward_pre_hooks
    return bool(hooks) or "forward" in vars(module) or type(module).__call__ != nn.Module.__call__


def _kind_of(module: nn.Module) -> type:
    kind = type(module)
    if kind is Encoder and _are_known(module.blocks):
        return _LeanEncoder
    if kind is Rotary and module.rotate is rotate_half:
        return _LeanRotary
    if kind not in _KINDS:
        _KINDS[kind] = type(kind.__name__, (kind,), {"__call__": kind.forward})
    return _KINDS[kind]


def _are_known(blocks: nn.ModuleList) -> bool:
    """Are they all known, and none there twice? (With a cache a stack refuses that.)"""
    return len(set(blocks)) == len(blocks) and all(_is_known(block) for block in blocks)


def _is_known(block: nn.Module) -> bool:
    """Is it made of our own parts, with our own steps?"""
    if type(block) is not EncoderBlock or any(_is_special(part) for part in block.modules()):
        return False
    look, around = block.attention, (block.around_attention, block.around_feed_forward)
    return (
        type(look) is MultiHeadAttention
        and (look.attend, look.split) == (scaled_dot_product_attention, split_heads)
        and look.merge is merge_heads
        and type(look.to_q) is type(look.to_k) is type(look.to_v) in (nn.Linear, HalfLinear)
        and all(type(each) in (PreNorm, PostNorm) for each in around)
    )


def _steps(block: EncoderBlock, made: dict) -> tuple[Callable, Callable]:
    look, think = _look(block.attention, made), _plain(block.feed_forward, made)
    return (
        _around(block.around_attention, look, made),
        _around(block.around_feed_forward, think, made),
    )


def _around(residual: nn.Module, sublayer: Callable, made: dict) -> Callable:
    norm = _plain(residual.norm, made)
    if type(residual) is PreNorm:
        return lambda x, *how: x + sublayer(norm(x), *how)
    return lambda x, *how: norm(x + sublayer(x, *how))


def _look(attention: MultiHeadAttention, made: dict) -> Callable:
    """Attention whose queries, keys and values are one product."""
    twin, to_out = _twin(attention, made), _plain(attention.to_out, made)
    project = _joined(attention.to_q, attention.to_k, attention.to_v)
    heads, kv_heads = attention.num_heads, attention.num_kv_heads
    d_head = attention.to_q.out_features // heads

    def look(x: Tensor, mask=None, places=None, cache=None) -> Tensor:
        all_heads = project(x).view(*x.shape[:2], -1, d_head).transpose(1, 2)
        q, k, v = all_heads.split((heads, kv_heads, kv_heads), dim=1)
        mixed, _ = twin.look(q, k, v, mask, places, cache)
        return to_out(mixed.transpose(1, 2).flatten(2))

    return look


def _joined(*layers: nn.Linear | HalfLinear) -> Callable:
    """One product for several layers that read the same."""
    weights, biases = [layer.weight.detach() for layer in layers], None
    if layers[0].bias is not None:
        biases = torch.cat([layer.bias.detach() for layer in layers])
    if type(layers[0]) is HalfLinear:
        return partial(half_linear, weight=torch.cat(weights), bias=biases)
    # laid by columns: one row's product reads it faster so
    weight = torch.cat([each.T for each in weights], dim=1).T
    return lambda x: F.linear(x, weight, biases)


def _plain(module: nn.Module, made: dict) -> Callable:
    """A function for the kinds that are most often called; for others their twin."""
    kind = type(module)
    if kind is nn.Linear:
        weight, bias = module.weight, module.bias
        return lambda x: F.linear(x, weight, bias)
    if kind is HalfLinear:
        return partial(half_linear, weight=module.weight, bias=module.bias)
    if kind is LayerNorm and module.weight.dtype in EXACT:
        weight, bias, eps = module.weight, module.bias, module.eps
        return lambda x: torch.layer_norm(x, weight.shape, weight, bias, eps)
    if kind is RMSNorm and module.weight.dtype in EXACT:
        weight, eps = module.weight, module.eps
        return lambda x: torch.rms_norm(x, weight.shape, weight, eps)
    if kind is FeedForward:
        up, down, activation = _plain(module.up, made), _plain(module.down, made), module.activation
        return lambda x: down(activation(up(x)))
    if kind in (SwiGLU, GEGLU):
        gate, up, down = (_plain(part, made) for part in (module.gate, module.up, module.down))
        bend = module.activation
        return lambda x: down(bend(gate(x)) * up(x))
    return _twin(module, made)
