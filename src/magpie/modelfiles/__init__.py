"""What a model is on disk: where it lies, and what its GGUF file or Hugging Face folder says. Knows no engine."""
