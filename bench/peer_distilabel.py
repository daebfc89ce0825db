"""The same work through distilabel's own Magpie task. Run by `bench.peers` in an environment of its own.

    python bench/peer_distilabel.py transformers MODEL_FOLDER ROWS MAX_TOKENS
    python bench/peer_distilabel.py server MODEL_FOLDER ROWS MAX_TOKENS URL

Prints one line of JSON: pairs, and the seconds from the first prompt to the last response. The task is called without
distilabel's pipeline around it, whose processes would only cost it time. It makes one batch more than it was asked
for.
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

from distilabel.steps.tasks import MagpieGenerator  # noqa: E402

PRE_QUERY = "<|im_start|>user\n"
BATCH = 50


def main(kind: str, folder: str, rows: str, most: str, url: str = "") -> None:
    sampling = {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": int(most)}
    magpie = {"use_magpie_template": True, "magpie_pre_query_template": PRE_QUERY}
    if kind == "transformers":
        from distilabel.models.llms import TransformersLLM

        sampling |= {"do_sample": True, "repetition_penalty": 1.0}
        llm = TransformersLLM(model=folder, generation_kwargs=sampling, **magpie)
    else:
        from distilabel.models.llms import ClientvLLM

        llm = ClientvLLM(base_url=url, tokenizer=folder, generation_kwargs=sampling, **magpie)
    task = MagpieGenerator(llm=llm, n_turns=1, num_rows=int(rows), batch_size=BATCH)
    task.load()
    began, pairs = time.perf_counter(), 0
    for batch, _ in task.process():
        pairs += sum(bool(row.get("instruction")) and bool(row.get("response")) for row in batch)
    print(json.dumps({"pairs": pairs, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
