"""Any dataset becomes a run, whose later stages then apply: published sets can be tagged, measured and filtered again.

Knows files of conversations and runs; knows no engine and no stage.
"""

from magpie.imports.importing import Imported, import_dataset

__all__ = ["Imported", "import_dataset"]
