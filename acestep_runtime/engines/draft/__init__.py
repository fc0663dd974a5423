"""The draft engine: signal processing on any CPU, without weights. One file for each task or family of tasks."""
