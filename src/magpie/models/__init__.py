"""Which engine runs a model, and its chat: template, tokenizer and context."""
