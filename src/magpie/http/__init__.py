"""The one HTTP client: addresses, keys, connections, limits, deadlines, when to try again. Knows no API of a model."""
