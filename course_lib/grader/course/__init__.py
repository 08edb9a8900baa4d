"""A course on disk: its keys and solutions, and a learner at work in it."""
