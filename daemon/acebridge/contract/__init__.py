"""The wire contract in Python, shared by server and clients: fields, names of enums, the table of errors.

The generated messages are beside it in `acebridge.v1`.
"""
