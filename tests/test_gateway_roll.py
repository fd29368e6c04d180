"""A new configuration rolls out under load as on AWS: pod by pod, and not one request is lost."""

import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import openai
import psutil
import pytest
from r1_on_eks.rehearsal.processes import free_port

sys.path.insert(0, str(Path(__file__).parent))
from gateway_process import RunningGateway, key_entry

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow]

SECTION = {
    "keys": [key_entry("alice", "r1-alice")],
    "limits": {"per_minute": 1_000_000, "at_a_time": 5000},
}
LEAST = 10_000
# Scaled: the load balancer looks away from a pod within 20 s, and the pod sleeps for 15 s more
# before it ends (test_agreement.py). On a busy machine checks may take any time here, so what
# is timed is the rest alone.
_CHECK_EVERY_S, _MARGIN_S = 0.1, 0.4


class LoadBalancer:
    """As an NLB: forwards connections to targets that are well, leaves running ones alone."""

    def __init__(self):
        self.port, self.targets, self.well = free_port(), {}, []
        self._turn, self._loop = 0, asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def wait_for(self, port, *, well=True):
        deadline = time.monotonic() + 60
        while (port in self.well) != well:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _run(self):
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self):
        async with await asyncio.start_server(self._forward, "127.0.0.1", self.port, backlog=512):
            checking = asyncio.create_task(self._check())
            await self._ended.wait()
            checking.cancel()

    async def _check(self):
        counts = Counter()
        while True:
            for name, port in list(self.targets.items()):
                up = await self._is_well(port)
                counts[name] = max(1, counts[name] + 1) if up else min(-1, counts[name] - 1)
            # Two of a kind change the verdict.
            self.well = [
                port
                for name, port in list(self.targets.items())
                if counts[name] >= 2 or (counts[name] > -2 and port in self.well)
            ]
            await asyncio.sleep(_CHECK_EVERY_S)

    async def _is_well(self, port):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
            answer = await reader.read(64)
            writer.close()
        except OSError:
            return False
        return b" 200 " in answer

    async def _forward(self, reader, writer):
        self._turn += 1
        port = self.well[self._turn % len(self.well)]
        there, other = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(self._pump(reader, other), self._pump(there, writer))

    async def _pump(self, source, target):
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                target.write(piece)
                await target.drain()
        target.close()


class Caller(threading.Thread):
    """Asks without pause, every fifth time for a stream, over connections that it keeps."""

    def __init__(self, url, ended):
        super().__init__(daemon=True)
        self.url, self.ended = url, ended
        self.answered, self.streamed, self.wrong = 0, 0, []

    def run(self):
        with openai.OpenAI(base_url=self.url, api_key="r1-alice", max_retries=0) as client:
            number = 0
            while not self.ended.is_set():
                number += 1
                try:
                    self._ask(client, stream=number % 5 == 0)
                except openai.OpenAIError as error:
                    self.wrong.append(repr(error))

    def _ask(self, client, *, stream):
        told = "stream 12" if stream else "hello"
        answer = client.chat.completions.create(
            model="7b", messages=[{"role": "user", "content": told}], stream=stream
        )
        if not stream:
            assert answer.choices[0].message.content == "well"
            self.answered += 1
            return
        pieces = [piece.choices[0].delta.content for piece in answer]
        if pieces != [f"{n} " for n in range(12)]:
            self.wrong.append(f"cut: {pieces}")
        self.answered, self.streamed = self.answered + 1, self.streamed + 1


def ended(pod, balancer):
    """What the pre-stop hook and the kubelet do."""
    (pod.folder / "draining").touch()
    balancer.wait_for(pod.port, well=False)
    time.sleep(_MARGIN_S)
    process = psutil.Process(pod.pid())
    process.send_signal(signal.SIGQUIT)


class RollingPods:
    """Two pods behind the load balancer, replaced as maxSurge 1 and maxUnavailable 0 say."""

    def __init__(self, folder, balancer):
        self.folder, self.balancer = folder, balancer
        self.first = RunningGateway.with_servers(folder / "pod-0", SECTION, ["7b"])
        self.all = [self.first]
        balancer.targets["pod-0"] = self.first.port
        balancer.wait_for(self.first.port)
        self.standing = [self.first, self.new()]

    def new(self):
        pod = RunningGateway(
            self.folder / f"pod-{len(self.all)}", SECTION, ["7b"], self.first.servers
        ).start()
        self.all.append(pod)
        self.balancer.targets[pod.folder.name] = pod.port
        self.balancer.wait_for(pod.port)
        return pod

    def roll(self):
        for old in list(self.standing):
            self.standing.append(self.new())
            time.sleep(1)
            self.standing.remove(old)
            ended(old, self.balancer)

    def reload(self, number):
        for pod in self.standing:
            pod.write(pod.deployed.replace('"status":"ok"', f'"status":"ok","n":{number}'))
            pod.processes.reload(pod.name)
        time.sleep(2)

    def stop(self):
        for pod in self.all[1:]:
            pod.processes.stop_all()
        self.first.stop()


@pytest.mark.timeout(900)
def test_two_roll_outs_and_three_reloads_under_load_lose_nothing(tmp_path):
    balancer, stop = LoadBalancer(), threading.Event()
    pods = RollingPods(tmp_path, balancer)
    callers = [Caller(f"http://127.0.0.1:{balancer.port}/v1", stop) for _ in range(24)]
    try:
        for caller in callers:
            caller.start()
        for _ in range(2):
            pods.roll()
        for number in range(3):
            pods.reload(number)
        while sum(caller.answered for caller in callers) < LEAST:
            time.sleep(0.5)
        stop.set()
        for caller in callers:
            caller.join(60)
    finally:
        stop.set()
        pods.stop()
        balancer.stop()
    total = sum(caller.answered for caller in callers)
    streams = sum(caller.streamed for caller in callers)
    wrong = [one for caller in callers for one in caller.wrong]
    print(json.dumps({"answered": total, "streams": streams, "wrong": wrong[:5]}))
    assert wrong == []
    assert total >= LEAST
    assert streams >= LEAST // 6
    # All of them answered: it did roll.
    assert len(pods.all) == 6
    assert all((pod.folder / "access.log").stat().st_size > 0 for pod in pods.all)
