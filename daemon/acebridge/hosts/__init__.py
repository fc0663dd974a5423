"""The ways in: one package for each kind of host. They stand on `acebridge.client` and never import the server."""
