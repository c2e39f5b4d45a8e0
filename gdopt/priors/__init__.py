"""Diffusion priors of designs and of strings, their corpora and their checks. Imports `codecs`, `diffusion`,
`molecules`."""
