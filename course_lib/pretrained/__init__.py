"""Published weights, read into our own models."""
