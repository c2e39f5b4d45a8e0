"""From results to a surrogate, and from candidates to a batch. Imports `codecs`, `trials` and `surrogates`."""
