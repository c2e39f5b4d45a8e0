"""A study over HTTP, as a web page and as an API for programs in any language: `gdopt serve`.

The client (`gdopt.service.client`) needs gdopt only; the service needs the extra `service`.
"""
