"""What each stage asks of a model or computes: one package for each, and what several share."""
