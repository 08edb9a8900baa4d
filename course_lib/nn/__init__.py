"""Parts of a Transformer: attention and masks."""
