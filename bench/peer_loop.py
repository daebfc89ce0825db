"""The same work through the loop that one writes first: a batch of instructions, then a batch of responses.

    python bench/peer_loop.py transformers MODEL_FOLDER ROWS MAX_TOKENS
    python bench/peer_loop.py server MODEL_FOLDER ROWS MAX_TOKENS URL

Run by `bench.peers` in the environment of its peers. Prints one line of JSON: pairs, and the seconds from the first
prompt to the last response. Against a server each batch is one request with many prompts, the fastest that it offers
to such a loop.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

Write = Callable[[list[str]], list[str]]
"""A batch of prompts in, what the model wrote out."""

PRE_QUERY = "<|im_start|>user\n"
AFTER = "<|im_end|>\n<|im_start|>assistant\n"
BATCH = 64


def local(folder: str, most: int) -> Write:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    def write(prompts: list[str]) -> list[str]:
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            ids = model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=most,
                do_sample=True, temperature=1.0, top_p=1.0, top_k=0, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        texts: list[str] = tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return texts

    return write


def remote(url: str, most: int) -> Write:
    def answer(route: str, body: dict[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + route, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as response:
            return json.load(response)

    name = answer("/models")["data"][0]["id"]

    def write(prompts: list[str]) -> list[str]:
        asked = {"model": name, "prompt": prompts, "max_tokens": most, "temperature": 1.0}
        return [choice["text"] for choice in answer("/completions", asked)["choices"]]

    return write


def main(kind: str, folder: str, rows: str, most: str, url: str = "") -> None:
    write = local(folder, int(most)) if kind == "transformers" else remote(url, int(most))
    write([PRE_QUERY])
    began, pairs = time.perf_counter(), 0
    for start in range(0, int(rows), BATCH):
        count = min(BATCH, int(rows) - start)
        said = [text.strip() for text in write([PRE_QUERY] * count)]
        answers = write([PRE_QUERY + text + AFTER for text in said])
        pairs += sum(bool(one) and bool(other.strip()) for one, other in zip(said, answers, strict=True))
    print(json.dumps({"pairs": pairs, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
