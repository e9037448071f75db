"""Everything outside: one module or folder for each outside thing, thin and without decisions."""
