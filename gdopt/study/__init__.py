"""Ask and tell: the study, its results, its rounds, its figures, runs and workers. Imports `algorithms` and
`storage`."""
