"""`engine`: Pulumi's mocks, recording everything that a program registers."""

import asyncio
import json
import runpy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, rpc_manager
from pulumi.runtime.settings import SETTINGS, set_root_resource
from r1_on_eks.registration import Answers

PROJECT = Path(__file__).parent.parent

# A change is held against the same examples every time, and a busy machine is no failure;
# `pytest --hypothesis-profile=default` looks further.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")


@dataclass(frozen=True)
class Registered:
    """One resource as the engine was asked for it; inputs are keyed as providers see them."""

    type: str
    name: str
    custom: bool
    parent: str
    inputs: dict[str, Any]
    dependencies: tuple[str, ...]
    deleted_with: str
    protect: bool
    provider: str
    ignore_changes: tuple[str, ...]
    create_timeout: str


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.requests: list[Any] = []
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        self.requests.append(request)
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.outputs[request.urn] = dict(
            pulumi.runtime.rpc.deserialize_properties(request.outputs)
        )
        return super().RegisterResourceOutputs(request)


@dataclass
class Engine:
    """Runs programs under mocks; `registered` and `outputs` hold what the last one declared."""

    registered: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def declare(
        self,
        program: Callable[[], Any],
        *,
        stack: str = "test",
        config: dict[str, str] | None = None,
    ) -> "Engine":
        """Runs `program` and returns when all that it declared is registered."""
        monitor = _Monitor(Answers())
        # One of an earlier run would be kept as parent of everything.
        set_root_resource(None)
        mocks.set_mocks(Answers(), project="r1-on-eks", stack=stack, monitor=monitor)
        pulumi.runtime.set_all_config(config or {})
        loop = asyncio.get_event_loop()
        loop.run_until_complete(mocks.run_pulumi_func(program))
        self.registered = [_registered(request) for request in monitor.requests]
        self.outputs = monitor.outputs
        return self

    def run(self, stack_file: Path, **changes: Any) -> "Engine":
        """Runs infra/ as `pulumi up --stack` would, with top-level values changed, or left out."""
        values = yaml.safe_load(stack_file.read_text())["config"]
        wanted = values["r1-on-eks:stack"] | changes
        values["r1-on-eks:stack"] = {k: v for k, v in wanted.items() if v is not None}
        return self.declare(
            lambda: runpy.run_path(str(PROJECT / "infra"), run_name="__main__"),
            stack=stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml"),
            config={key: json.dumps(value) for key, value in values.items()},
        )

    def of_type(self, kind: str) -> list[Registered]:
        """All resources whose type ends with `kind`, `NodeGroup`."""
        return [one for one in self.registered if one.type.rpartition(":")[2] == kind]

    def images(self) -> list[str]:
        """Images of all containers, of whatever kind of object they are in."""
        return [
            image
            for one in self.registered
            if one.type.startswith("kubernetes:")
            for image in _images(one.inputs)
        ]

    def one(self, kind: str, name: str | None = None) -> Registered:
        """The only resource of a type (and name)."""
        found = [one for one in self.of_type(kind) if name in (None, one.name)]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}: {found}"
        return found[0]


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _images(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("containers", "initContainers") and isinstance(one, list):
                yield from (container["image"] for container in one)
            yield from _images(one)


def _registered(request: Any) -> Registered:
    return Registered(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
        dependencies=tuple(request.dependencies),
        deleted_with=request.deletedWith,
        protect=request.protect,
        provider=request.provider,
        ignore_changes=tuple(request.ignoreChanges),
        create_timeout=request.customTimeouts.create,
    )


@pytest.fixture
def engine() -> Iterator[Engine]:
    loops = [asyncio.new_event_loop()]

    def with_event_loop() -> None:
        # Pulumi would make one for each of its threads and leave it open.
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    asyncio.set_event_loop(loops[0])
    threads = ThreadPoolExecutor(initializer=with_event_loop)
    loops[0].set_default_executor(threads)
    SETTINGS.rpc_manager = rpc_manager.RPCManager()
    yield Engine()
    threads.shutdown()
    asyncio.set_event_loop(None)
    for loop in loops:
        loop.close()
