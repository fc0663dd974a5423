"""The AceBridge runtime: tasks, engines and signal processing. It knows no gRPC, no DAW and no database."""
