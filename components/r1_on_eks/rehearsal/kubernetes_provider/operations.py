"""Create, read, update and delete one resource, each with its waits and its checkpoint."""

from typing import Any, NoReturn

from r1_on_eks.rehearsal.kubernetes_provider.annotations import (
    PATCH_FIELD_MANAGER,
    annotation,
    deletion_propagation,
    new_field_manager,
    object_id,
    timeout_seconds,
)
from r1_on_eks.rehearsal.kubernetes_provider.checkpoint import (
    Checkpoint,
    mark_secrets,
    read_checkpoint,
    to_document,
    write_checkpoint,
)
from r1_on_eks.rehearsal.kubernetes_provider.cluster import (
    CLIENT_SIDE_MANAGER,
    Cancelled,
    Cluster,
)
from r1_on_eks.rehearsal.kubernetes_provider.connection import ApiRefused, Unreachable
from r1_on_eks.rehearsal.kubernetes_provider.diff import parsed_path, pruned
from r1_on_eks.rehearsal.kubernetes_provider.discovery import KindMissing
from r1_on_eks.rehearsal.kubernetes_provider.engine_log import WARNING, EngineLog
from r1_on_eks.rehearsal.kubernetes_provider.field_ownership import respect_ignored
from r1_on_eks.rehearsal.kubernetes_provider.normalize import normalized
from r1_on_eks.rehearsal.kubernetes_provider.outcomes import (
    Failed,
    creation_refused,
    inputs_of,
    no_preview,
)
from r1_on_eks.rehearsal.kubernetes_provider.session import Session
from r1_on_eks.rehearsal.kubernetes_provider.waits.after_write import wait_after_write
from r1_on_eks.rehearsal.kubernetes_provider.waits.choose import (
    check_for_read,
)
from r1_on_eks.rehearsal.kubernetes_provider.waits.deletion import wait_until_gone
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import (
    NotReady,
    Watching,
    check_once,
)
from r1_on_eks.rehearsal.property_values import contains_unknown

Properties = dict[str, Any]
FORGET = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the "
    'operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
REFUSALS = (ApiRefused, KindMissing, Unreachable)


class Operations:
    """What can be done to one resource."""

    def __init__(self, session: Session, log: EngineLog, urn: str) -> None:
        self._session = session
        self._log = log
        self._urn = urn

    def create(
        self,
        properties: Properties,
        *,
        timeout: float,
        preview: bool,
    ) -> tuple[str, Properties]:
        """Create the object; a preview asks the server what would come of it.

        Returns:
            Its id ("" in a preview) and its state.
        """
        inputs = to_document(properties)
        if preview and not self._can_preview(inputs):
            return "", properties
        cluster = self._cluster()
        field_manager = self._field_manager(inputs, "")
        try:
            live = cluster.create(inputs, field_manager, preview=preview)
        except (*REFUSALS, Cancelled) as error:
            if preview and isinstance(error, ApiRefused) and no_preview(error):
                return "", properties
            raise creation_refused(self._urn, error) from error
        if inputs["kind"] == "CustomResourceDefinition" and not preview:
            cluster.discovery.forget()
        initial = str(inputs["apiVersion"])

        def state(found: Properties) -> Properties:
            return write_checkpoint(Checkpoint(inputs, found, initial, field_manager), properties)

        if preview:
            live.pop("status", None)
            return "", state(live)
        try:
            live = wait_after_write(
                self._watching(cluster, inputs, timeout), inputs, live, created=True
            )
        except NotReady as error:
            raise Failed(
                f'resource "{self._urn}" was successfully created, but the Kubernetes API server '
                f"reported that it failed to fully initialize or become live: {error}",
                object_id=object_id(error.live),
                state=state(error.live),
                reasons=error.reasons,
            ) from error
        return object_id(live), state(live)

    def read(
        self,
        wanted_id: str,
        old_state: Properties,
        old_inputs: Properties,
    ) -> tuple[Properties, Properties] | None:
        """Read the live object; None where it is gone.

        Args:
            wanted_id: `namespace/name` or `name`.
            old_state: As last written; empty for an import.
            old_inputs: The inputs then; empty for an import.
        """
        if self._session.cluster is None:
            self._log.line(self._urn, self._unreachable(), WARNING)
            if self._session.settings.delete_unreachable:
                return None
            raise Failed(f"failed to read resource state due to unreachable cluster. {FORGET}")
        cluster = self._session.cluster
        checkpoint = read_checkpoint(old_state)
        inputs = normalized(to_document(old_inputs), cluster.discovery.schemas())
        imported = not inputs.get("kind")
        api_version, kind = self._kind(inputs or checkpoint.live)
        namespace, _, name = wanted_id.rpartition("/")
        try:
            live = cluster.get(api_version, kind, namespace, name)
        except KindMissing:
            return None
        except (ApiRefused, Unreachable) as error:
            if isinstance(error, ApiRefused) and error.code == 404:
                return None
            raise Failed(str(error)) from error
        live_inputs = inputs_of(live) if imported else pruned(live, inputs)
        initial = checkpoint.initial_api_version or api_version
        manager = self._field_manager(inputs, checkpoint.field_manager)
        state = write_checkpoint(Checkpoint(live_inputs, live, initial, manager), old_inputs)
        mark_secrets(live_inputs, old_inputs)
        wait = (
            None
            if imported or annotation(inputs, "pulumi.com/skipAwait") == "true"
            else (check_for_read(cluster, live))
        )
        try:
            if wait is not None:
                check_once(live, wait)
        except NotReady as error:
            raise Failed(
                str(error),
                object_id=wanted_id,
                state=state,
                reasons=error.reasons,
                inputs=live_inputs,
            ) from error
        return state, live_inputs

    def update(
        self,
        olds: Properties,
        news: Properties,
        *,
        ignored: list[str],
        timeout: float,
        preview: bool,
    ) -> Properties:
        """Apply new inputs to the object."""
        inputs = normalized(to_document(news), self._session.schemas())
        if preview and not self._can_preview(inputs):
            return news
        cluster = self._cluster()
        checkpoint = read_checkpoint(olds)
        manager = self._field_manager(inputs, checkpoint.field_manager)
        initial = checkpoint.initial_api_version

        def state(found: Properties) -> Properties:
            return write_checkpoint(Checkpoint(inputs, found, initial, manager), news)

        try:
            live = cluster.get_like({**checkpoint.live, "apiVersion": inputs["apiVersion"]})
            applied = {**inputs, "metadata": {**inputs["metadata"]}}
            respect_ignored(applied, live, [parsed_path(path) for path in ignored], manager)
            live = cluster.update(applied, live, manager, preview=preview)
        except REFUSALS as error:
            if preview and isinstance(error, ApiRefused) and error.code == 403:
                return news
            self._refused_update(cluster, error, checkpoint, state, manager)
        if preview:
            return state(live)
        try:
            live = wait_after_write(
                self._watching(cluster, inputs, timeout), inputs, live, created=False
            )
        except NotReady as error:
            raise Failed(
                f'the Kubernetes API server reported that "{object_id(error.live)}" failed to '
                f"fully initialize or become live: {error}",
                object_id=object_id(error.live),
                state=state(error.live),
                reasons=error.reasons,
            ) from error
        return state(live)

    def delete(self, wanted_id: str, properties: Properties, *, timeout: float) -> None:
        """Delete the object and wait until it is gone."""
        checkpoint = read_checkpoint(properties)
        if self._session.cluster is None:
            self._log.line(self._urn, self._unreachable(), WARNING)
            if self._session.settings.delete_unreachable:
                return
            raise Failed(f"configured Kubernetes cluster is unreachable. {FORGET}")
        cluster = self._session.cluster
        name = wanted_id.rpartition("/")[2]
        try:
            if not cluster.delete(
                checkpoint.live,
                name,
                deletion_propagation(checkpoint.inputs),
            ):
                return
            watching = self._watching(cluster, checkpoint.inputs, timeout)
            wait_until_gone(watching, checkpoint.inputs, checkpoint.live, name)
        except (ApiRefused, Unreachable) as error:
            raise Failed(str(error)) from error
        except NotReady as error:
            kept = Checkpoint(
                checkpoint.inputs,
                error.live,
                checkpoint.initial_api_version,
                checkpoint.field_manager,
            )
            raise Failed(
                str(error),
                object_id=wanted_id,
                reasons=error.reasons,
                state=write_checkpoint(kept, properties.get("__inputs") or {}),
            ) from error
        if checkpoint.live.get("kind") == "CustomResourceDefinition":
            cluster.discovery.forget()

    def _watching(self, cluster: Cluster, inputs: Properties, timeout: float) -> Watching:
        return Watching(cluster, self._log, self._urn, timeout_seconds(inputs, timeout))

    def _cluster(self) -> Cluster:
        if self._session.cluster is None:
            raise Failed(self._unreachable())
        return self._session.cluster

    def _unreachable(self) -> str:
        return f"configured Kubernetes cluster is unreachable: {self._session.unreachable}"

    def _can_preview(self, inputs: Properties) -> bool:
        cluster = self._session.cluster
        return (
            cluster is not None
            and not contains_unknown(inputs)
            and self._session.settings.apply.server_side
            and cluster.discovery.has(str(inputs.get("apiVersion")), str(inputs.get("kind")))
        )

    def _field_manager(self, inputs: Properties, old: str) -> str:
        if not self._session.settings.apply.server_side:
            return CLIENT_SIDE_MANAGER
        return annotation(inputs, PATCH_FIELD_MANAGER) or old or new_field_manager()

    def _kind(self, document: Properties) -> tuple[str, str]:
        if document.get("kind"):
            return str(document["apiVersion"]), str(document["kind"])
        _, api_version, kind = self._urn.split("::")[2].rpartition("$")[2].split(":")
        return api_version.removeprefix("core/"), kind

    def _refused_update(
        self,
        cluster: Cluster,
        error: Exception,
        checkpoint: Checkpoint,
        state: Any,
        manager: str,
    ) -> NoReturn:
        text = str(error)
        if isinstance(error, ApiRefused) and error.reason == "Conflict":
            text = (
                f'The resource managed by field manager "{manager}" had an apply conflict: ' + text
            )
        try:
            live = cluster.get_like(checkpoint.live)
        except REFUSALS:
            raise Failed(f'update of resource "{self._urn}" failed: {text}') from error
        raise Failed(
            f'the Kubernetes API server reported that "{object_id(live)}" failed to fully '
            f"initialize or become live: {text}",
            object_id=object_id(live),
            state=state(live),
        ) from error
