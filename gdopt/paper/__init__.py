"""Algorithms 1 and 2 of Guo et al. 2024 on tensors, and the gradients that they query. Imports `diffusion` and
`surrogates`."""
