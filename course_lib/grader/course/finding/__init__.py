"""Which of the files that a student handed in is the work on which chapter."""
