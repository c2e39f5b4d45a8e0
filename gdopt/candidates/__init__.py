"""Generation of candidates: initial designs, steps, categories, local ascent, token edits. Imports `acquisition` and
`priors`."""
