"""What AWS says of single Availability Zones."""

# Ids, since names differ from account to account. No subnet of a cluster may be in them; nodes may
# (EKS user guide, network-reqs and ml-cluster-setup-tf, 2026-11).
WITHOUT_CONTROL_PLANE = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
