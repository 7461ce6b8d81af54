"""Where drops come from: which files of a folder are drops, and what is written beside them. Never reads a figure."""
