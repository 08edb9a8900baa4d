"""An encoder–decoder that has read its source, as a model of the target alone: ids → logits."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from course_lib.models.seq2seq import Padding, Places, Seq2Seq


class Writer:
    """Score the token after each token of a target; the source is read once, when first asked.

        logits = decode(target, encode(source))

    `source` is what the model's `encode` reads: ids, or sound. For k rows a source (beams) the
    memory is repeated k times, as rows stand one after the other.

    Source: Vaswani et al. 2017, section 3 (arXiv:1706.03762).
    """

    def __init__(
        self,
        module: Seq2Seq,
        source: Tensor,
        *,
        source_mask: Padding | None = None,
        source_places: Places | None = None,
    ):
        self.module, self.source = module, source
        self.source_mask, self.source_places = source_mask, source_places
        self.memory: Tensor | None = None

    def __call__(
        self,
        target: Int[Tensor, "rows query"],
        mask: Any = None,
        *,
        places: Places | None = None,
        cache: Any = None,
    ) -> Float[Tensor, "rows new vocab"]:
        """Return the logits of what the cache has not read; `mask`, if there is one, hides padding.

        Raises `ValueError` when the rows are not as many for each source, and as `decode` does.
        """
        if self.memory is None or self.module.training:  # dropout would stay the same
            self.memory = self.module.encode(
                self.source, source_mask=self.source_mask, source_places=self.source_places
            )
        times = self._times(len(target))
        memory, source, source_mask = (
            x if x is None or times == 1 else x.repeat_interleave(times, dim=0)
            for x in (self.memory, self.source, self.source_mask)
        )
        return self.module.decode(
            target,
            memory,
            source,
            source_mask=source_mask,
            target_mask=None if mask is None else mask(1, target.shape[1], device=target.device),
            target_places=places,
            cache=cache,
        )

    def _times(self, rows: int) -> int:
        sources = len(self.source)
        if sources == rows:
            return 1
        if not sources or rows % sources:
            raise ValueError(f"{rows} rows can't be shared out to {sources} sources")
        return rows // sources
