"""Connections to servers: addresses, limits, deadlines, when to try again. Knows no API of a model."""
