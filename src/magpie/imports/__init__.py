"""Any dataset becomes a run, whose later stages then apply: published sets can be tagged, measured and filtered again.

A file is read by `containers`, a folder by `folders`, a row's keys by the one table of `shapes`; `importing` writes the
run. Knows files of conversations and runs; knows no engine and no stage but the one that it fills.
"""

from magpie.imports.importing import Imported, import_dataset
from magpie.imports.mapping import Options

__all__ = ["Imported", "Options", "import_dataset"]
