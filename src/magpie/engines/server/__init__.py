"""Models behind an HTTP server: vLLM, SGLang, llama.cpp, and others with an API like that of OpenAI."""
