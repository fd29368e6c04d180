"""Stand-in for Pulumi's AWS provider: the same protocol, against the rehearsal's local cloud.

A table row per resource type says which API calls make, find, change and delete it; `table.py`
joins the rows, the other modules are the same for all of them. It holds no cloud state, and takes
over nothing that it finds.
"""
