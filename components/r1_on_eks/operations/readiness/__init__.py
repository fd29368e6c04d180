"""Is an account ready for a stack: quotas, zones, capacity, versions, weights, permissions.

One file per noun. Each has functions from what AWS answered to findings, which ask nobody, and a
small reader that asks; `checks.py` lists them all.
"""
