"""Runs an engine in a process of its own: a crash of native code ends that process, and not the run."""
