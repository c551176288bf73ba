"""A model as a graph of operations: its export, its translation into steps, and their equivalence."""
