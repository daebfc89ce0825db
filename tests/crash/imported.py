"""All that commands import when they run, imported once: the server that forks commands preloads this.

Only modules: no thread has begun and no file is open when a command is forked.
"""

import duckdb
import numpy
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet

import magpie.cli.evaluate
import magpie.cli.export
import magpie.cli.imports
import magpie.cli.report
import magpie.cli.run
import magpie.cli.select
import magpie.cli.stage
import magpie.evaluate.files
import magpie.evaluate.measuring
import magpie.plan.registry
import magpie.stages.dedup.work
import magpie.stages.neighbors.work

_ = (duckdb, numpy, pyarrow, magpie)
