"""Models run by PyTorch and Hugging Face transformers, in batches that rows join and leave."""
