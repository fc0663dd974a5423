"""The AceBridge wire contract as Python modules: ``acebridge.v1.tasks_pb2`` and its neighbours."""
