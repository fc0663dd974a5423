"""What is particular to REAPER. Its jobs arrive as job folders, like those of any host that runs scripts."""
