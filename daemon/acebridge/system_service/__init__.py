"""AceBridge as a service of the user's own system, which starts it at log-in and after a failure.

One module for each system; `acebridge.system_service.registry` lists them. None of them needs the rights of an administrator.
"""
