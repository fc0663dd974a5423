"""What is particular to Ardour: where it keeps scripts, and how those of AceBridge are made and get there."""
