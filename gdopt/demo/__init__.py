"""The demos of `gdopt demo`: complete optimizations of an airfoil and of molecules."""
