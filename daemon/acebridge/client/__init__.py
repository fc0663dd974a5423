"""The client side of a daemon: finding or starting one, calling it, following a job, writing its audio to files.

Imports the contract and never the server, so that a host needs nothing else of AceBridge.
"""
