"""What must not get out, and what must not do harm where it gets: secrets in messages, keys in child processes."""
