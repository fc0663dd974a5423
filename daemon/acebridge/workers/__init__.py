"""Where engines run: the protocol between scheduler and worker, and the places that speak it."""
