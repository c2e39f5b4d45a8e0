"""A study over HTTP, for people at a browser and for programs in any language: `gdopt serve`.

The client (`gdopt.service.client`) needs nothing more than gdopt; the service needs the extra `service`.
"""
