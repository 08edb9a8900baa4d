"""What does this answer do? Runs code that nobody has read, in processes that hold no key."""
