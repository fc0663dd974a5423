"""The client side of a daemon: finding or starting one, calling it, following a job, writing its audio to files.

Imports the contract and never the server, so that a host needs nothing else of AceBridge.
"""

from __future__ import annotations

import os

# Before gRPC is loaded: its own resolver asks DNS alone and knows no names of a local network, such as studio.local.
os.environ.setdefault("GRPC_DNS_RESOLVER", "native")
