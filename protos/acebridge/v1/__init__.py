"""Version 1 of the contract (generated; see the .proto files beside)."""
