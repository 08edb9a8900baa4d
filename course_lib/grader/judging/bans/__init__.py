"""Names that an exercise asks its readers to do without."""
