"""Recipes: validated settings from YAML. Knows no stage, no engine and no run."""

from magpie.recipes.conversing import FollowUp, Side
from magpie.recipes.engines import Auto, Engine, LlamaCpp, OpenVino, Scripted, Server, Transformers, Vllm
from magpie.recipes.explain import explain
from magpie.recipes.load import DEFAULT, check, dump, parse, recipe_text, shipped
from magpie.recipes.mixing import Fill, Variant
from magpie.recipes.neighboring import Embed, EmbeddingServer, Hashing, Neighbors, SentenceTransformers
from magpie.recipes.responding import Answerer, Choose, Pair, Respond
from magpie.recipes.rewarding import RespondBase, Reward
from magpie.recipes.sampling import Sampling, Template
from magpie.recipes.screening import Benchmark, Decontaminate, Dedup, Screen, ScreenResponses
from magpie.recipes.selecting import Diverse, Quota, Select, Shortlist
from magpie.recipes.settings import Instruct, Recipe, Source
from magpie.recipes.tagging import Safety, Tag

__all__ = [
    "DEFAULT",
    "Answerer",
    "Auto",
    "Benchmark",
    "Choose",
    "Decontaminate",
    "Dedup",
    "Diverse",
    "Embed",
    "EmbeddingServer",
    "Engine",
    "Fill",
    "FollowUp",
    "Hashing",
    "Instruct",
    "LlamaCpp",
    "Neighbors",
    "OpenVino",
    "Pair",
    "Quota",
    "Recipe",
    "Respond",
    "RespondBase",
    "Reward",
    "Safety",
    "Sampling",
    "Screen",
    "ScreenResponses",
    "Scripted",
    "Select",
    "SentenceTransformers",
    "Server",
    "Shortlist",
    "Side",
    "Source",
    "Tag",
    "Template",
    "Transformers",
    "Variant",
    "Vllm",
    "check",
    "dump",
    "explain",
    "parse",
    "recipe_text",
    "shipped",
]
