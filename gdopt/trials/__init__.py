"""Trials, the state of a study, objectives, outcome constraints, ranking. Imports `space`."""
