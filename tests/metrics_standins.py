"""Stands in for every exporter of a cluster, whatever address Prometheus knows it by.

Prometheus sends its scrapes through it as through a proxy, so its discovery, its targets and its
relabelling are the deployed ones. What is answered is told by port and path: names and labels are
the exporters' own, pods and nodes are those of the cluster, figures are made up.
"""

import contextlib
import ssl
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from r1_on_eks.catalog.dcgm_counters import COUNTERS
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES, NO_VARIANT
from r1_on_eks.rehearsal.certificates import Authority

FULL = 100 * 2**30


class Standins(ThreadingHTTPServer):
    """The proxy; `asked` is every address that was scraped."""

    daemon_threads = True

    def __init__(self, texts, folder):
        super().__init__(("127.0.0.1", 0), _Scrapes)
        self.texts = texts
        self.asked = set()
        signed = Authority("kubelets").server(["127.0.0.1"], ["kubelet"])
        (folder / "kubelet.crt").write_text(signed.certificate)
        (folder / "kubelet.key").write_text(signed.key)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(folder / "kubelet.crt", folder / "kubelet.key")
        self._thread = threading.Thread(target=self.serve_forever)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Scrapes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = urlsplit(self.path)
        host = asked.hostname or getattr(self, "tunnel_host", "")
        port = asked.port or getattr(self, "tunnel_port", 80)
        self.server.asked.add((host, port, asked.path))
        tell = self.server.texts.get((port, asked.path))
        body = (tell(host) if tell else "").encode()
        self.send_response(200 if tell else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self):
        host, _, port = self.path.partition(":")
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            inner = self.server.tls.wrap_socket(self.connection, server_side=True)
            self.connection = self.request = inner
            self.rfile, self.wfile = inner.makefile("rb"), inner.makefile("wb", buffering=0)
            self.tunnel_host, self.tunnel_port = host, int(port)
            self.handle()
            inner.close()
        self.close_connection = True

    def log_message(self, *_):
        pass


def of_server(port):
    """A running stand-in for vLLM."""

    def tell(_):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    return tell


def _text(rows):
    return "".join(
        f"{name}{{{','.join(f'{key}={chr(34)}{one}{chr(34)}' for key, one in labels.items())}}}"
        f" {value}\n"
        for name, labels, value in rows
    )


def nginx(_):
    """As the exporter beside nginx tells (its README), of an nginx that is up."""
    rows = [("nginx_up", {}, 1), ("nginxexporter_build_info", {"version": "1.5.1"}, 1)]
    for name in ("accepted", "handled", "active", "reading", "writing", "waiting"):
        rows.append((f"nginx_connections_{name}", {}, 3))
    return _text([*rows, ("nginx_http_requests_total", {}, 7), ("go_goroutines", {}, 9)])


def gateway(_):
    """As nginx itself tells (plan/nginx/answers.py)."""
    rows = [(ANSWERS_SERIES, {"variant": variant, "status": status}, 5)
            for variant in ("70b", NO_VARIANT) for status in ("200", "429", "503")]  # fmt: skip
    return _text(rows)


def dcgm(pod, gpus=8):
    """All our counters of eight GPUs, which one pod has."""
    whose = {"namespace": "r1", "pod": pod, "container": "vllm"}
    return lambda _: _text(
        (
            one.field,
            {"gpu": n, "UUID": f"GPU-{n}", "device": f"nvidia{n}", "modelName": "A100",
             "Hostname": "x", **whose, **({"xid": 0} if one.per_xid else {})},
            {"DCGM_FI_DEV_FB_USED": 36_000, "DCGM_FI_DEV_FB_FREE": 4_000}.get(one.field, 0),
        )
        for one in COUNTERS
        for n in range(gpus)
    )  # fmt: skip


def node(_):
    """A few collectors of node-exporter."""
    disk = {"device": "/dev/nvme0n1p1", "fstype": "xfs", "mountpoint": "/"}
    return _text(
        [
            *(("node_cpu_seconds_total", {"cpu": n, "mode": m}, 5) for n in (0, 1)
              for m in ("idle", "user", "system", "iowait")),
            ("node_memory_MemAvailable_bytes", {}, FULL / 2),
            ("node_memory_MemTotal_bytes", {}, FULL),
            ("node_filesystem_avail_bytes", disk, FULL / 2),
            ("node_filesystem_size_bytes", disk, FULL),
            ("node_boot_time_seconds", {}, 1),
            ("node_load1", {}, 0.5),
            ("node_disk_io_time_seconds_total", {"device": "nvme0n1"}, 3),
            ("go_goroutines", {}, 9),
        ]
    )  # fmt: skip


def kubelet(_):
    """What a kubelet tells of itself."""
    return _text(
        [
            ("kubelet_running_pods", {}, 5),
            ("kubelet_http_requests_total", {"path": "x"}, 5),
            *((f"kubelet_volume_stats_{what}_bytes",
               {"namespace": "r1", "persistentvolumeclaim": "weights"}, FULL)
              for what in ("available", "capacity")),
        ]
    )  # fmt: skip


def cadvisor(pods):
    """What it tells of containers, of one node that has all of them."""

    def tell(_):
        rows = [("container_memory_working_set_bytes", {"id": "/"}, FULL)]
        for namespace, pod, container in pods:
            about = {"namespace": namespace, "pod": pod, "container": container, "id": f"/{pod}"}
            for name in ("container_memory_working_set_bytes", "container_memory_rss",
                         "container_cpu_usage_seconds_total", "container_oom_events_total",
                         "container_fs_usage_bytes"):  # fmt: skip
                rows.append((name, about, 2**30))
        return _text(rows)

    return tell


def states(pods, nodes, deployments):
    """What kube-state-metrics tells of them."""

    def tell(_):
        rows = []
        for name, labels in nodes.items():
            rows += [
                (
                    "kube_node_status_condition",
                    {"node": name, "condition": "Ready", "status": "true"},
                    1,
                ),
                ("kube_node_labels", {"node": name, **labels}, 1),
                ("kube_node_status_allocatable", {"node": name, "resource": "cpu"}, 2),
                ("kube_node_info", {"node": name}, 1),
            ]
        for namespace, pod, container in pods:
            about = {"namespace": namespace, "pod": pod}
            inside = {**about, "container": container}
            rows += [
                ("kube_pod_status_ready", {**about, "condition": "true"}, 1),
                ("kube_pod_start_time", about, 1),
                ("kube_pod_status_phase", {**about, "phase": "Running"}, 1),
                ("kube_pod_info", {**about, "node": next(iter(nodes))}, 1),
                ("kube_pod_container_status_restarts_total", inside, 0),
                ("kube_pod_container_status_ready", inside, 1),
                ("kube_configmap_info", about, 1),
            ]
        for namespace, name, replicas in deployments:
            about = {"namespace": namespace, "deployment": name}
            rows += [
                (f"kube_deployment_{what}", about, replicas)
                for what in (
                    "spec_replicas",
                    "status_replicas",
                    "status_replicas_ready",
                    "status_replicas_available",
                )
            ]
        return _text(rows)  # fmt: skip

    return tell


def fsx(_):
    """What YACE tells of a file system."""
    about = {"dimension_FileSystemId": "fs-1", "name": "weights", "region": "us-west-2"}
    names = ("free_data_storage_capacity", "data_read_bytes", "data_write_bytes",
             "data_read_operations")  # fmt: skip
    return _text((f"aws_fsx_{name}_sum", about, FULL) for name in names)
