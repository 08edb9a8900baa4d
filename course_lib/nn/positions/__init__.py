"""Ways to tell a Transformer where its tokens stand: added to the input, or inside attention."""
