"""The stand-in for Pulumi's official Kubernetes provider, for where that one can't be had.

It follows pulumi-kubernetes 4.32 in what it sends to the API server, what it keeps in the state,
what it replaces and what it waits for. It is stricter in one place: a field that the API server's
OpenAPI document doesn't know fails the check, where the official one drops it silently.
"""
