"""Signal analysis shared by engines: analysis of a source, scores of takes, blocks."""
