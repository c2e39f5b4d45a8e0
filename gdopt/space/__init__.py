"""What may be tried: parameters, strings, constraints, spaces, tables of candidates. Pure Python; imports only
`arguments`, `errors` and `files`."""
