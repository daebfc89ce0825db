"""What others wrote, made harmless where it is shown: in a terminal, in a shell. Knows nothing of what it says."""
