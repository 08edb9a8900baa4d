"""What a wrong answer without a name probably did: one plain sentence, or none."""
