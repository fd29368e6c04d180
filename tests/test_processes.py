import json
import socket
import sys
import time

import psutil
import pytest
from r1_on_eks.rehearsal.gateway import _Ports, sync_gateway
from r1_on_eks.rehearsal.processes import Processes, ProcessFailed, free_port, is_free

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def processes(tmp_path):
    processes = Processes(tmp_path)
    yield processes
    processes.stop_all()


def test_what_was_started_is_found_again_and_ended(processes, tmp_path):
    pid = processes.start("sleeper", SLEEP)
    assert Processes(tmp_path).running() == {"sleeper": pid}
    Processes(tmp_path).stop("sleeper")
    assert processes.running() == {}
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_starting_twice_keeps_the_one_that_runs(processes):
    assert processes.start("sleeper", SLEEP) == processes.start("sleeper", SLEEP)


def test_a_stranger_with_a_recycled_id_is_not_signalled(processes, tmp_path):
    stranger = psutil.Popen(SLEEP)
    try:
        record = {"pid": stranger.pid, "start_time": stranger.create_time() - 3600, "argv": []}
        (tmp_path / "processes").mkdir()
        (tmp_path / "processes" / "old.json").write_text(json.dumps(record))
        assert processes.running() == {}
        processes.stop_all()
        assert stranger.is_running()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ignores_the_polite_signal_is_killed(processes):
    stubborn = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)"
    )
    processes.start("stubborn", [sys.executable, "-c", stubborn])
    processes.wait_until(
        "stubborn", lambda: "deaf" in processes.log("stubborn").read_text(), timeout=10
    )
    processes.stop("stubborn", timeout=0.3)
    assert processes.running() == {}


def test_a_process_that_dies_early_is_reported_with_its_last_words(processes):
    processes.start("fails", [sys.executable, "-c", "raise SystemExit('port in use')"])
    with pytest.raises(ProcessFailed, match=r"fails ended before it was ready:\nport in use"):
        processes.wait_until("fails", lambda: False, timeout=10)


def test_a_process_that_is_never_ready_is_reported_after_the_time_out(processes):
    processes.start("sleeper", SLEEP)
    began = time.monotonic()
    with pytest.raises(ProcessFailed, match="not ready after 0 s"):
        processes.wait_until("sleeper", lambda: False, timeout=0.2)
    assert time.monotonic() - began < 5


def test_a_port_is_kept_until_somebody_else_takes_it(tmp_path):
    file = tmp_path / "ports.json"
    port = _Ports(file).of("nginx")
    assert _Ports(file).of("nginx") == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert _Ports(file, {"nginx"}).of("nginx") == port
        moved = _Ports(file).of("nginx")
    assert moved != port
    assert _Ports(file).known("nginx") == moved


def test_the_gateway_of_a_cluster_that_is_being_deleted_ends_with_it(processes, tmp_path):
    processes.start("gateway-nginx", SLEEP)
    kubeconfig = tmp_path / "admin.kubeconfig"
    cluster = {"name": "gone", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [cluster],
                "users": [{"name": "admin", "user": {}}],
                "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "admin"}}],
                "current-context": "gone",
            }
        )
    )
    assert sync_gateway(tmp_path, kubeconfig) is None
    assert processes.running() == {}
