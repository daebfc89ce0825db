"""What is in a run: what its rows were judged to be, which stage is how far, and rows that a condition finds.

Reads runs through `magpie.runs`; prints nothing.
"""
