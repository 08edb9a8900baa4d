"""Is this outcome right? Keys, sheets, comparing, naming mistakes, and frames to hold them."""
