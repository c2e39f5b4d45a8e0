"""What is known: trials, the state, objectives, outcome constraints, ranking. Imports `space`."""
