"""How a model is run: one file for each engine, which knows token ids and sampling, and no roles, rows or files."""
