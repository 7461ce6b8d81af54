"""Typed loaders of the files in `catalogue/`: each is validated against its model before anything rests on it."""
