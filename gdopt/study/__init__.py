"""The study, its session, results, rounds, figures, runs and workers. Imports `algorithms` and `storage`."""
