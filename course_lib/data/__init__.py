"""Text that the notebooks read."""
