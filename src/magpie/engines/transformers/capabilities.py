"""What the engine can do."""

from magpie.seams import Capabilities

CAPABILITIES = Capabilities(("tokens",))
"""All of them: its sampler is ours."""
