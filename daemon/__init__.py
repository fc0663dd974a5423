"""The AceBridge daemon and its command line. It knows no torch: engines live in a child process."""
