"""The JSON edge: the contract over HTTP, for programs that speak no gRPC. It listens on loopback and is a client of the daemon.

    program ─HTTP, JSON─► edge ─gRPC, the caller's own token─► daemon

What is specific to the panel in the browser is in `acebridge.hosts.panel`.
"""
