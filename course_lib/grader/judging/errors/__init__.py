"""What an error means: told by what it says, and by the line that it stopped on."""
