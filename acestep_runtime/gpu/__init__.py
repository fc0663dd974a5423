"""What only GPUs need: graphs of CUDA, and copies to the host beside computation. Everything works without, more slowly."""
