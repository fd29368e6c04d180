"""The weights' way from the hub to the bucket, and what of them is there.

`hashes`, `manifest`, `bucket`, `over_http`, `sources`, `transfer` and `job` import nothing of this
package but each other, boto3 and what comes with it: the cluster's Job carries their text, and the
pods of servers that stream that of `arrival`.
"""
