"""How long AWS takes, for rehearsals that ask for it: `--fault slow:SCALE`.

Minutes to make and to delete. Usual times as people report them, from memory and not measured
here: no real account has been used yet.
"""

_MINUTES = {
    "aws:eks/cluster:Cluster": (9.0, 4.0),
    "aws:eks/nodeGroup:NodeGroup": (4.0, 4.0),
    "aws:eks/addon:Addon": (1.0, 0.5),
    "aws:fsx/lustreFileSystem:LustreFileSystem": (8.0, 5.0),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": (2.0, 1.0),
    # The user guide's example is ACTIVE 17 minutes after it was asked for (AMP-collector-how-to,
    # 2026-11); the official provider looks 8 minutes after DeleteScraper for the first time
    # (terraform-provider-aws internal/service/amp/scraper.go@0509e60e8e89).
    "aws:amp/scraper:Scraper": (17.0, 8.0),
    "aws:ec2/natGateway:NatGateway": (2.0, 1.0),
    "aws:lb/loadBalancer:LoadBalancer": (2.5, 0.5),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (0.5, 0.5),
}


def seconds_of(kind: str, work: str) -> float:
    """Seconds that AWS needs after it answered, 0 for what is there at once.

    Args:
        kind: Pulumi's type, `aws:eks/cluster:Cluster`.
        work: `create`, `update` or `delete`; updates take none here.
    """
    making, deleting = _MINUTES.get(kind, (0.0, 0.0))
    return 60 * {"create": making, "delete": deleting}.get(work, 0.0)
