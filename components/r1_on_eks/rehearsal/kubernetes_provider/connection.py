"""The API server of one kubeconfig: who to ask, as whom, and what it answers."""

import json
import urllib.parse
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import load_kube_config_from_dict

REQUEST_SECONDS = 30.0


class Unreachable(Exception):
    """No API server can be asked: no kubeconfig, one that can't be read, or no answer."""


class ApiRefused(Exception):
    """The API server answered with an error status.

    Attributes:
        code: HTTP status.
        status: The body, a Kubernetes `Status` object where the server sent one.
    """

    def __init__(self, code: int, status: dict[str, Any]) -> None:
        super().__init__(status.get("message") or f"HTTP status {code}")
        self.code = code
        self.status = status

    @property
    def reason(self) -> str:
        """Kubernetes' own word: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid` and so on."""
        return str(self.status.get("reason", ""))

    @property
    def about_namespace(self) -> bool:
        """Whether what wasn't found is the namespace rather than the object."""
        details = self.status.get("details") or {}
        return self.code == 404 and details.get("kind") == "namespaces"


def parse_kubeconfig(text: Any) -> dict[str, Any]:
    """Read a kubeconfig given as YAML, JSON, a path to a file, or an object.

    Raises:
        Unreachable: It is none of these.
    """
    if isinstance(text, dict):
        return text
    if not isinstance(text, str):
        raise Unreachable(f"the kubeconfig is a {type(text).__name__}, not text or an object")
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(text).expanduser()
        if path.is_file():
            text = path.read_text()
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Unreachable(f"the kubeconfig is not YAML: {error}") from error
    if not isinstance(parsed, dict):
        raise Unreachable(f"the kubeconfig is neither a file nor a kubeconfig: {text[:80]!r}")
    return parsed


def choose_context(kubeconfig: dict[str, Any], context: str, cluster: str) -> dict[str, Any]:
    """A copy of the kubeconfig whose current context is the one to use.

    Args:
        kubeconfig: As parsed.
        context: The provider's `context`, or "".
        cluster: The provider's `cluster`, which overrides the context's, or "".
    """
    chosen = json.loads(json.dumps(kubeconfig, default=str))
    if context:
        chosen["current-context"] = context
    for named in chosen.get("contexts") or []:
        if cluster and named.get("name") == chosen.get("current-context"):
            named["context"]["cluster"] = cluster
    return chosen


def active_cluster(kubeconfig: dict[str, Any]) -> dict[str, Any] | None:
    """Where the current context points: server and CA; None where it points nowhere."""
    contexts = {c.get("name"): c.get("context") or {} for c in kubeconfig.get("contexts") or []}
    clusters = {c.get("name"): c.get("cluster") for c in kubeconfig.get("clusters") or []}
    context = contexts.get(kubeconfig.get("current-context"))
    return clusters.get(context.get("cluster")) if context else None


def context_namespace(kubeconfig: dict[str, Any]) -> str:
    """The current context's namespace, `default` where it names none."""
    contexts = {c.get("name"): c.get("context") or {} for c in kubeconfig.get("contexts") or []}
    return (contexts.get(kubeconfig.get("current-context")) or {}).get("namespace") or "default"


class Connection:
    """JSON over HTTPS to one API server, with whatever authentication the kubeconfig names."""

    def __init__(self, kubeconfig: dict[str, Any]) -> None:
        configuration = Configuration()
        configuration.connection_pool_maxsize = 16
        configuration.retries = urllib3.Retry(total=2, backoff_factor=0.2, status=0)
        try:
            load_kube_config_from_dict(
                kubeconfig,
                client_configuration=configuration,
                persist_config=False,
            )
        except (ConfigException, KeyError, TypeError, ValueError) as error:
            raise Unreachable(f"the kubeconfig can't be used: {error}") from error
        self._configuration = configuration
        self._pool = ApiClient(configuration).rest_client.pool_manager

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float = REQUEST_SECONDS,
    ) -> Any:
        """Send one request.

        Raises:
            ApiRefused: The server answered with 400 or above.
            Unreachable: It didn't answer, or the credentials could not be made.
        """
        url = self._configuration.host + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        try:
            response = self._pool.request(
                method,
                url,
                headers=self._headers(content_type),
                body=None if body is None else json.dumps(body).encode(),
                timeout=timeout,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{self._configuration.host} does not answer: {error}") from error
        if response.status >= 400:
            raise ApiRefused(response.status, _status_object(response.data))
        return json.loads(response.data)

    def _headers(self, content_type: str) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            settings: dict[str, Any] = dict(self._configuration.auth_settings())
        except (ConfigException, OSError, KeyError) as error:
            raise Unreachable(f"no credentials for {self._configuration.host}: {error}") from error
        for setting in settings.values():
            if setting.get("in") == "header" and setting.get("value"):
                headers[setting["key"]] = setting["value"]
        return headers


def _status_object(data: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()}
    return parsed if isinstance(parsed, dict) else {"message": str(parsed)}
