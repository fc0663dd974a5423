"""Workers run engines: the protocol between scheduler and worker, and its implementations."""
