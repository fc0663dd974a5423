"""The daemon's server: gRPC services, submission of jobs, streams of their events. It knows no torch."""
