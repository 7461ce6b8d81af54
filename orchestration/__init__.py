"""HOW data moves: drops are got, kept and read; marts are built; extracts are judged and released."""
