"""What may be set of engines, embedders and scorers, and the types that all settings are made of."""
