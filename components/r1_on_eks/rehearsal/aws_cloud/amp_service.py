"""The whole of Amazon Managed Service for Prometheus as one service."""

from r1_on_eks.rehearsal.aws_cloud.amp_scrapers import Scrapers
from r1_on_eks.rehearsal.aws_cloud.amp_state import AmpBackend
from r1_on_eks.rehearsal.aws_cloud.amp_workspaces import Alerting, Workspaces


class AmpResponse(Workspaces, Alerting, Scrapers):
    """Every operation that is rehearsed; any other answers 501 with its name."""


AmpBackend.response_class = AmpResponse
