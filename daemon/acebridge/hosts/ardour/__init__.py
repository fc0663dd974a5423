"""What is particular to Ardour: where it keeps scripts, and how the hook of AceBridge gets there."""
