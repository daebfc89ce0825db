"""Trains a model on a run's rows, by TRL, in processes of its own: `magpie train`. Thin: what a row comes to as ids is
`templates.supervised`'s, what is learned from them TRL's.
"""

from magpie.train.settings import METHODS, Lora, Method, Train
from magpie.train.training import Trained, train

__all__ = ["METHODS", "Lora", "Method", "Train", "Trained", "train"]
