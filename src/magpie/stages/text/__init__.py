"""What stages that look at texts share: words, n-grams, reasoning, final answers. Knows no stage, asks no model."""
