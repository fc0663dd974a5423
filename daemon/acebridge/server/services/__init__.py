"""The gRPC services, one module each: a method is a few lines between the wire and the journal, the store or the registry.

Methods have the names of the contract. Their docstrings name the .proto file that describes them.
"""
