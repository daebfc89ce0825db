"""From a recipe to ordered stages and opened engines: the one place that knows both."""

from magpie.pipeline.engines import ModelUse, explain_auto, open_engine
from magpie.pipeline.fitness import Fitness, engine_fitness
from magpie.pipeline.models import open_tokenizer
from magpie.pipeline.plan import NOT_IN_FINGERPRINT, VERSIONS, Plan, PlannedStage, make_plan
from magpie.pipeline.resolve import FIXED, resolve

__all__ = [
    "FIXED",
    "NOT_IN_FINGERPRINT",
    "VERSIONS",
    "Fitness",
    "ModelUse",
    "Plan",
    "PlannedStage",
    "engine_fitness",
    "explain_auto",
    "make_plan",
    "open_engine",
    "open_tokenizer",
    "resolve",
]
