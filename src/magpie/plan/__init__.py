"""From a recipe to ordered stages with fingerprints: the registry of stages, recipes in the package, upgrades."""
