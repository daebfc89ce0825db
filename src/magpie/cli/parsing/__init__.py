"""The options of each command, a file for each. Light: what a command does is imported when it runs."""
