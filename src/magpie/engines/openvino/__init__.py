"""Models run by OpenVINO GenAI, on CPUs and GPUs of Intel."""
