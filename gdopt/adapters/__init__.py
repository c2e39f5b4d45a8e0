"""Models of other libraries in gdopt, and gdopt's designs in other libraries."""
