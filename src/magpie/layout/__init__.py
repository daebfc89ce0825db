"""A map of the instructions of one run or several: 2-D coordinates and topics, from the embeddings.

A cache beside the run and no stage: it lies in the user's cache folder, and the run stays untouched. Needs the extra
`curation` (NumPy, FAISS).
"""

from magpie.layout.layout import Layout, layout_of

__all__ = ["Layout", "layout_of"]
