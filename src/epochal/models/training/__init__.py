"""How networks are trained: rows, batches, losses, changes, the loop, what it leaves."""
