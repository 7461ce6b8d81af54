"""Getting what the publisher has: what to get, what arrived, how it differs from what was there, and what is held."""
