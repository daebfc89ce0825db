"""`python -m fledgling.compare`: do the formats of a model folder say the same?

Greedy texts of the safetensors in our torch code against those of the GGUF in llama.cpp; where transformers is
installed, logits against its LlamaForCausalLM. Knows no families beyond their prompts.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch and llama.cpp read it on import

import torch
import xllamacpp

from fledgling.chat import before_assistant
from fledgling.corpus import conversations
from fledgling.export import gguf_name
from fledgling.sample import Sampler

LIMIT = 120  # tokens


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    sampler = Sampler.of(arguments.model)
    prompts = [before_assistant(one.turns[0].prompt) for one in conversations(arguments.seed, arguments.prompts)]
    ours = [one.text for one in sampler.complete(prompts, LIMIT, temperature=0)]
    theirs = greedy_in_llama_cpp(arguments.model / gguf_name(arguments.model.name), sampler, prompts, arguments.threads)
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    print(f"greedy texts equal in torch and llama.cpp: {same} of {len(prompts)}")
    print(f"largest difference of logits to transformers: {logits_apart(arguments.model, sampler, prompts[:20])}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.compare", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("src/magpie/weights/fledgling"))
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def greedy_in_llama_cpp(path: Path, sampler: Sampler, prompts: list[str], threads: int) -> list[str]:
    server = llama_cpp(path, threads)
    texts = []
    for prompt in prompts:
        ids = sampler.tokenizer.encode(prompt).ids
        settings = {"prompt": ids, "max_tokens": LIMIT, "temperature": 0.0, "cache_prompt": False}
        texts.append(str(server.handle_completions(settings)["choices"][0]["text"]))
    return texts


def llama_cpp(path: Path, threads: int) -> xllamacpp.Server:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_parallel, parameters.n_ctx, parameters.port = 1, 512, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.verbosity, parameters.warmup = 0, False
    return xllamacpp.Server(parameters)


@torch.no_grad()
def logits_apart(folder: Path, sampler: Sampler, prompts: list[str]) -> str:
    try:
        from transformers import AutoModelForCausalLM  # not among our requirements
    except ImportError:
        return "transformers is not installed"
    other = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    batches = [torch.tensor([sampler.tokenizer.encode(prompt).ids]) for prompt in prompts]
    return f"{max(float((other(ids).logits - sampler.model(ids)).abs().max()) for ids in batches):.2g}"


if __name__ == "__main__":
    main()
