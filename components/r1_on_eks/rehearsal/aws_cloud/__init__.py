"""AWS on one machine: moto's server, with what moto lacks added from outside.

`extensions.py` is the table of everything that is ours; each file besides says in its first
lines what moto lacks. Clients (boto3, the aws CLI, the provider stand-in) see one endpoint.
"""
