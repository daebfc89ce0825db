"""Several engines of one model on one machine, each in a process of its own, as one engine."""
