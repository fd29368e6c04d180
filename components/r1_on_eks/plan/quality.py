"""Checks of what the models answer: which questions, how they are put, and when one has failed."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from r1_on_eks.plan.names import NAMESPACE, PORT
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.server import ModelServer
from r1_on_eks.plan.timeline import longest_answer_seconds
from r1_on_eks.stack_config.quality import CheckedTask, Quality
from r1_on_eks.stack_config.stack import StackConfig

FELL = 66
"""Exit status of the comparison where a figure fell (benchmarking/quality.py)."""
CHECK_PODS = {"app.kubernetes.io/name": "quality-check"}
CHECK_ACCOUNT = "quality-check"
HISTORY = "quality-history"
CODE_FILE = "quality.py"
SCRATCH = "/scratch"
_RESULTS = f"{SCRATCH}/results"
# Where an image has tasks of its own, and what the harness fetched when the image was built.
_TASKS, _FETCHED = "/tasks", "/huggingface"
# To be scheduled, and to pull an image of some hundred MB.
_BEGIN_SECONDS = 900
# Of the places of a server that people use at the same time.
_SHARE, _MOST_AT_A_TIME = 4, 16
# A request may wait for as long as it then takes, as at the gateway.
_WITH_QUEUE = 2
# What is kept of the context for a question and its solved examples.
_PROMPT_TOKENS = 1024
# DeepSeek's own advice for R1 and its distillations (model card, usage recommendations, 2025):
# at 0 they repeat themselves. `until`: a task's words that end an answer would end the thinking.
_SAMPLING = "temperature=0.6,top_p=0.95,until=[]"


@dataclass(frozen=True, kw_only=True)
class QualityCheck:
    """A CronJob that asks one variant.

    Attributes:
        name: Of the CronJob.
        variant: The word of labels, and of the history's entry.
        image: Of the harness.
        schedule: When, in UTC.
        script: What the harness' shell runs.
        wanted: What is compared, as JSON.
        limit_seconds: When it has failed.
    """

    name: str
    variant: str
    image: str
    schedule: str
    script: str
    wanted: str
    limit_seconds: int


def checks_of(
    config: StackConfig, placements: Sequence[Placement], servers: Sequence[ModelServer]
) -> tuple[QualityCheck, ...]:
    """One for each variant that is asked; none where the stack file asks for none.

    Args:
        config: The stack.
        placements: Of its variants.
        servers: Of the same.
    """
    asked = config.quality
    if asked is None:
        return ()
    return tuple(
        _check(asked, placement, server, _standing(config, placement))
        for placement, server in zip(placements, servers, strict=True)
        if server.variant in config.checked
    )


def _standing(config: StackConfig, placement: Placement) -> int:
    """Replicas that stand whatever is asked: a check is not to make any."""
    scale = config.variants[placement.variant.name].scale
    return scale.min if scale else placement.replicas


def _check(
    asked: Quality, placement: Placement, server: ModelServer, replicas: int
) -> QualityCheck:
    # Figures of one task come from the same answers.
    tasks = {one.task: one for one in asked.tasks}
    at_a_time = max(1, min(_MOST_AT_A_TIME, placement.concurrency * replicas // _SHARE))
    longest = longest_answer_seconds(placement)
    rounds = sum(-(-one.questions // at_a_time) for one in tasks.values())
    figures = [
        {
            "task": one.task,
            "metric": one.metric,
            "filter": one.filter,
            "tolerance": asked.tolerance,
        }
        for one in asked.tasks
    ]
    return QualityCheck(
        name=f"quality-{server.variant.replace('.', '-')}",
        variant=server.variant,
        image=asked.image,
        schedule=asked.schedule,
        script="\n".join((
            "set -eu",
            # Its caches are locked by writing beside them, and the image is read-only.
            f"[ ! -d {_FETCHED} ] || cp -R {_FETCHED} {SCRATCH}/huggingface",
            *(_asks(one, placement, server, at_a_time, longest) for one in tasks.values()),
        )),
        wanted=json.dumps({
            "variant": server.variant,
            "namespace": NAMESPACE,
            "config_map": HISTORY,
            "results": _RESULTS,
            "checkpoint": placement.checkpoint.repository,
            "server": server.image,
            "figures": figures,
        }),
        limit_seconds=rounds * longest + _BEGIN_SECONDS,
    )  # fmt: skip


def _asks(
    task: CheckedTask, placement: Placement, server: ModelServer, at_a_time: int, longest: int
) -> str:
    """The harness' command line of one task; it ends with 1 where a question was not answered."""
    # Thinking and answer, up to the end of the context: an answer that is cut off is wrong.
    answer = placement.context - min(_PROMPT_TOKENS, placement.context // 4)
    model = {
        "model": server.variant,
        "base_url": f"http://{server.name}:{PORT}/v1/chat/completions",
        "num_concurrent": at_a_time,
        "max_retries": 3,
        "timeout": longest * _WITH_QUEUE,
        # The servers say thinking apart from the answer; this is for one that does not.
        "think_end_token": "</think>",
    }
    words = [
        *("lm-eval", "run", "--model", "local-chat-completions", "--apply_chat_template"),
        *("--model_args", ",".join(f"{key}={value}" for key, value in model.items())),
        *("--gen_kwargs", f"{_SAMPLING},max_gen_toks={answer}"),
        *("--tasks", task.task, "--limit", str(task.questions), "--num_fewshot", str(task.shots)),
        *("--output_path", f"{_RESULTS}/{task.task}"),
    ]
    own = f"$([ ! -d {_TASKS} ] || echo --include_path {_TASKS})"
    return f"{shlex.join(words)} {own}"


@cache
def check_code() -> dict[str, str]:
    """What holds the harness' results against those before, by file name."""
    folder = files("r1_on_eks").joinpath("benchmarking")
    return {CODE_FILE: folder.joinpath(CODE_FILE).read_text(encoding="utf-8")}
