"""What others wrote, made harmless where it is shown; and secrets, kept out of messages and of child processes."""
