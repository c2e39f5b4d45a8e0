"""Between named parameters and the vectors z or tokens that the numerics work on. Imports `space` and `diffusion`."""
