"""What engines share that listen to a source or a take by signal processing: analysis, scores, blocks."""
