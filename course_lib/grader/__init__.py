"""Answer keys, answer sheets and verdicts. Knows files and tensors, and no chapter."""
