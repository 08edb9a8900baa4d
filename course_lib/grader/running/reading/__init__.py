"""What a student handed in, as cells of plain Python, whatever program wrote it."""
