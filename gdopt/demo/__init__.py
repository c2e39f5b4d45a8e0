"""The main jobs, end to end: what `gdopt demo` runs."""
