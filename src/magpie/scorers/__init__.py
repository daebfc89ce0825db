"""How a conversation gets a number: one file for each kind of scorer, which knows no stage, no row and no engine.

A score is a number, higher is better; None where there is none to be had, because the conversation is longer than the
scorer reads; `RequestFailed` where there was none this time, such as one that is not a number.
"""
