"""The Transformer from one dot product up: reference parts, checks and pictures of the course."""
