"""Parts of a Transformer: attention, masks, positions, norms, networks, blocks and stacks."""
