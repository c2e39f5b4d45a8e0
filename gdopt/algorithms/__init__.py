"""The algorithms of gdopt, and their settings as stored data. Imports `candidates` and below."""
