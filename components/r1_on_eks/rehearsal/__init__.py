"""A local cloud in which `pulumi up` runs unchanged: AWS and Kubernetes on one machine."""
