"""magpie: alignment data from an aligned model and nothing else (Magpie, Xu et al. 2024, arXiv 2406.08464)."""
