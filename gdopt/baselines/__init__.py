"""Other algorithms behind the same protocol, to compare with."""
