"""Two components of r1-on-eks in somebody else's stack: a cluster that stands already.

The plan decides the nodes and the file system of one variant; `GpuNodePool` and `ModelStorage` are
declared with the ids of what exists. What serves the model there is the reader's own.
"""

from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import r1_on_eks
from r1_on_eks.resources.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from r1_on_eks.resources.model_storage import ModelStorage, ModelStorageArgs

given = pulumi.Config()
config = r1_on_eks.parse_stack_config(
    {
        "name": "models",
        "production": True,
        "allow_unpinned": True,
        "region": "us-west-2",
        "zones": ["us-west-2a", "us-west-2b"],
        "gpu_zone": "us-west-2b",
        "kubernetes": "1.35",
        "admins": ["arn:aws:iam::111122223333:role/platform-engineer"],
        "endpoint": "private",
        "weights": {"bucket": "example-r1-weights", "storage": "fsx"},
        "gateway": {"tls": {"secret": "of-no-gateway-here"}},
        "variants": {"70b": {"instance": "p4d.24xlarge", "rate": 0.3, "context": 32768}},
    }
)
plan = r1_on_eks.Plan.of(config, r1_on_eks.read_decisions(Path(__file__).parent, config.name))
assert plan.storage is not None, "weights.storage is fsx"

account = aws.Provider("aws", region=plan.region)
cluster = aws.eks.Cluster.get(
    "cluster", given.require("cluster"), opts=pulumi.ResourceOptions(provider=account)
)
inside = k8s.Provider("cluster", kubeconfig=given.require("kubeconfig"))
within = pulumi.ResourceOptions(providers=[account, inside])

for pool in plan.gpu_pools:
    GpuNodePool(
        pool.name,
        GpuNodePoolArgs(
            cluster_name=cluster.name,
            node_role_arn=given.require("node_role"),
            subnet_id=given.require("subnet"),
            pool=pool,
            versions=plan.versions,
            node_template={},
            after=[cluster],
        ),
        within,
    )
storage = ModelStorage(
    "weights",
    ModelStorageArgs(
        cluster=cluster,
        vpc_id=given.require("vpc"),
        subnet_id=given.require("subnet"),
        client_security_group_id=cluster.vpc_config.cluster_security_group_id,
        bucket=plan.bucket,
        key_arn=given.require("key"),
        file_system=plan.storage.file_system,
        namespace="models",
        protected=True,
    ),
    within,
)
pulumi.export("claim", storage.claim_name)
