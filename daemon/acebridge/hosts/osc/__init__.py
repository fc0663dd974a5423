"""Open Sound Control: controllers, DAWs and show programs set a session one value at a time and start tasks.

    udp, tcp ─► messages ─► bridge ─► addresses ─► session, request, jobs ─► acebridge.client
        ▲                                                              │
        └──────────────────────────── feedback ◄──────────────────────┘

`addresses` holds the one table of all addresses, from which docs/osc.md is generated too.
"""
