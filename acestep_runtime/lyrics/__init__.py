"""The words of songs: reading lyrics, and writing down when they are sung. No sound."""
