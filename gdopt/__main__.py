"""`python -m gdopt` is `gdopt`."""

from gdopt.cli import main

main()
