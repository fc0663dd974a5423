"""What Live itself shows: the pages of AceBridge's dialogs. Live opens them in a window of its own; they load nothing else."""
