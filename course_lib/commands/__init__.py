"""What the `course` command does, one file a command."""
