"""A class: submissions in, a gradebook, its totals, pages and exports out."""
