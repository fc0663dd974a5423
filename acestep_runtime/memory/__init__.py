"""Device, dtype and memory of models: selection, offload and int8 weights."""
