"""Where the daemon meets the world: gRPC services, the client, and the translation between wire and values."""
