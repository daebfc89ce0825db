"""How a model is run: one package for each family. It knows token ids and sampling, and no roles, rows or files."""
