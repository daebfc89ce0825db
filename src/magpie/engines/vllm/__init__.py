"""Models run by vLLM: on GPUs, or on the CPU."""
