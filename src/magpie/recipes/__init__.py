"""Recipes: validated settings from YAML. Knows no stage, no engine and no run."""

from magpie.recipes.explain import explain
from magpie.recipes.load import DEFAULT, check, dump, parse, recipe_text, shipped
from magpie.recipes.settings import Instruct, LlamaCpp, Recipe, Respond, Sampling, Scripted, Template

__all__ = [
    "DEFAULT",
    "Instruct",
    "LlamaCpp",
    "Recipe",
    "Respond",
    "Sampling",
    "Scripted",
    "Template",
    "check",
    "dump",
    "explain",
    "parse",
    "recipe_text",
    "shipped",
]
