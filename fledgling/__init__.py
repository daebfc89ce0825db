"""Makes the chat model that ships inside magpie: corpus, tokenizer, training, export and measurement.

Nothing in `src/` imports this package. `fledgling/README.md` is the model's card.
"""
