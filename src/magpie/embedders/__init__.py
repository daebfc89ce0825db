"""What turns texts into vectors: one file for each way. Knows texts, and no row, run or stage."""
