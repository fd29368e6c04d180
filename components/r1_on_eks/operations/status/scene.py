"""What the questions about a standing stack stand on, with the answers that several need."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from r1_on_eks.operations.cluster_api import ApiServerSilent, ClusterApi, NotLetIn
from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.inventory import KINDS, Thing
from r1_on_eks.operations.pulumi_cli import Pulumi, PulumiFailed
from r1_on_eks.operations.readiness.ground import Ground, Unasked
from r1_on_eks.operations.shared_answers import SharedAnswers
from r1_on_eks.plan.names import NAMESPACE

API_SECONDS = 4.0
"""For which the cluster's API server is waited for."""
_NODE_GROUPS = "aws:eks/nodeGroup:NodeGroup"


class NoState(Unasked):
    """Pulumi did not tell what it knows of the stack."""

    without = "without Pulumi's state"


class NoCluster(Unasked):
    """The cluster's API server did not answer."""

    without = "without the cluster's API server"


class NoRights(NoCluster):
    """It answered, and tells nothing to these credentials."""


@dataclass(frozen=True, kw_only=True)
class Scene(Ground):
    """A standing stack.

    Attributes:
        pulumi: Asks Pulumi about it.
        gateway: Where its gateway is reached; None for the address that the stack exports.
        key: A key of its gateway, or None.
        authority: File of its certificate, or of who signed it; None for whom this machine knows.
    """

    pulumi: Pulumi
    gateway: str | None = None
    key: str | None = None
    authority: Path | None = None
    _answers: SharedAnswers = field(default_factory=SharedAnswers, compare=False, repr=False)

    def deployment(self) -> Deployment:
        """What Pulumi knows.

        Raises:
            PulumiFailed: it told nothing; its own last words.
        """
        return self._answers.of("state", lambda: Deployment(self.pulumi.export()))

    def known(self) -> Deployment:
        """The same, for those that have nothing to say without it.

        Raises:
            NoState: it told nothing.
        """
        try:
            return self.deployment()
        except PulumiFailed as failure:
            raise NoState(str(failure)) from None

    def history(self) -> list[dict[str, Any]]:
        """All of its updates, the newest first.

        Raises:
            NoState: Pulumi told nothing.
        """
        try:
            return self.pulumi.history()
        except PulumiFailed as failure:
            raise NoState(str(failure)) from None

    @property
    def project(self) -> str:
        """Name of the Pulumi project."""
        text = (Path(self.pulumi.project) / "Pulumi.yaml").read_text()
        return yaml.safe_load(text)["name"]

    def cluster(self) -> dict[str, Any] | None:
        """EKS's description of the cluster; None where there is none."""
        return self._answers.of("cluster", super().cluster)

    def node_groups(self) -> list[Thing]:
        """The stack's node groups, as EKS describes them."""
        kind = KINDS[_NODE_GROUPS]
        return self._answers.of("node groups", lambda: [*kind.things(self.account, self.stack)])

    def inside(self) -> ClusterApi:
        """The cluster's API server; nothing is asked of it yet.

        Raises:
            NoCluster: there is none that could be asked.
        """
        cluster = self.cluster()
        if cluster is None or "endpoint" not in cluster or "certificateAuthority" not in cluster:
            raise NoCluster("there is no cluster")
        return self._answers.of("api", lambda: ClusterApi(cluster, self.account, API_SECONDS))

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Objects in the cluster.

        Args:
            path: Of the list, `/api/v1/nodes`.

        Raises:
            NoCluster: there is no answer.
        """
        try:
            found = self._answers.of(path, lambda: self.inside().get(path))
        except NotLetIn as refused:
            raise NoRights(str(refused)) from None
        except ApiServerSilent as silent:
            raise NoCluster(str(silent)) from None
        return found["items"] if found else []

    def pods(self) -> list[dict[str, Any]]:
        """All pods of the cluster."""
        return self.listed("/api/v1/pods")

    def own(self, group: str, kind: str) -> list[dict[str, Any]]:
        """Objects of the serving namespace: `own("apps/v1", "deployments")`."""
        return self.listed(f"/apis/{group}/namespaces/{NAMESPACE}/{kind}")
