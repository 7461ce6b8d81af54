"""The static report: what its pages hold and how they are drawn, from a release alone."""
