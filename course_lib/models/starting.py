"""How weights start, drawn anew for a whole model."""

from torch import nn


def init_xavier(model: nn.Module) -> None:
    """Draw every matrix by Xavier: what goes in and what comes out are of one size; biases are 0.

        weight ~ U(-a, a),   a = sqrt(6 / (inputs + outputs))

    Source: Glorot and Bengio 2010, eq. 16.
    """
    for part in model.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def init_small(model: nn.Module, std: float = 0.02) -> None:
    """Draw every matrix and every table from N(0, std^2); the layers' biases are 0.

    Source: Devlin et al. 2018, the authors' code (initializer_range).
    """
    for part in model.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, std=std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
