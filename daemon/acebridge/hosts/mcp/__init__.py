"""The Model Context Protocol: tasks, jobs and audio as tools and resources for programs that chat.

    stdio.py, http.py   one client on standard input and output; any number on a loopback port, each with a token
        └─ server.py    what a client lists, calls and reads
             ├─ tools.py       the table of tools: name, schema, function
             ├─ resources.py   assets and recipes
             └─ calls.py       one call: a thread, progress, cancellation

The server is a client of the daemon by gRPC, like every host, and finds it again for each call.
"""
