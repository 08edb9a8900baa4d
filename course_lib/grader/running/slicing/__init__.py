"""What to run of a notebook for one answer, found by scope."""
