"""Work for another machine: a worker that has its orders done by the daemon there, and a watch over the line to it.

Both are processes of their own, which the daemon starts and never imports: they are clients of the other daemon. The first one
speaks the messages of `acebridge.workers.messages`, as any worker does, so the daemon supervises it in the same way.
"""
