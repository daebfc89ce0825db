"""What others wrote, made harmless where it is shown. Knows nothing of what it says."""
