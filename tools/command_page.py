"""docs/commands.md: every command of `r1`, its exit statuses, and what all of them have in common."""

import argparse
import re
from collections.abc import Iterator

from r1_on_eks.cli import parser

_HEAD = """\
# The command line

`r1` alone says what to do next; `r1 COMMAND --help` has examples. Written by `python tools/pages.py`.
"""
_STATUSES = """\
## Exit statuses

| status | means |
| --- | --- |
| 0 | fine |
| 1 | the answer is no, as the table says; or what was asked could not be done (AWS refused, Pulumi failed) |
| 2 | misuse: a wrong option, no such stack (the nearest name is told), a wrong stack file, an extra that is not installed |
| 130 | Ctrl-C; the same command goes on or begins again |
| 141 | nobody reads the answer any more (`r1 … \\| head`) |

`r1 rehearse -- COMMAND` ends with the command's own status.
"""
_COMMON = """\
## What all have in common

- **`--json`** wherever a program would read it: JSON alone on standard output; progress and questions go to standard error.
- **Colours** on a terminal alone, and never with `NO_COLOR`. Tables are laid out for the terminal's width, 80 columns at least:
  a narrower terminal wraps lines, no figure is cut.
- **Nothing is changed unasked**: `recover`, `sweep --delete`, `expire` and `verify` show first what they would do, and ask, or need `--yes`.
- **Completion** of commands, options and stacks: `r1 completion bash >> ~/.bashrc`, `r1 completion zsh >> ~/.zshrc`, or `fish`.
- **Variables**: AWS's own (`AWS_PROFILE`, `AWS_REGION` is the stack file's), Pulumi's own (`PULUMI_BACKEND_URL`, …), `R1_KEY` (a key of
  the gateway, for `status` and `verify`), `R1_GATEWAY` and `R1_GATEWAY_CA` (where it is reached, and its
  certificate), `HF_TOKEN` (for `weights sync`), `XDG_CACHE_HOME`.

## At night: `r1 status`

```sh account
r1 status prod-70b
r1 status prod-70b --gateway https://your.name    asks at your own name, not at the load balancer's
kubectl -n r1 get secret gateway-tls -o jsonpath='{.data.tls\\.crt}' | base64 -d > gateway.pem
r1 status prod-70b --ca gateway.pem               knows the gateway by that certificate, whatever its name
```

Asks Pulumi, AWS, the cluster and the gateway side by side, and is done within eight seconds whatever hangs. What is wrong comes first,
with what to type. It needs `pulumi` on PATH and credentials; no `kubectl` and no `aws`. Without the one or the other, or where the
API server is private and you are outside, one line says so and the rest is asked. With `R1_KEY` each variant is asked for one token
through the gateway; without, the gateway's health alone is asked. The key is sent to no certificate that isn't believed, nor in clear
text where the stack has a certificate: by the load balancer's own name, or through a port-forward, say with `--ca` (`R1_GATEWAY_CA`, as
`r1 bench` takes it) which certificate is the gateway's.

It exits with 1 where something is wrong, and with 0 where nothing is known to be. What isn't known is no "no": a last line says how many
parts that is, and in JSON each has the standing `unknown`. For a monitor of your own, which has to tell "well" from "not seen":
`r1 status prod-70b --json | jq -e '[.findings[] | select(.standing != "well")] == []'`.

| asked | of whom | ✗ where |
| --- | --- | --- |
| update | Pulumi, the backend's lock | the engine died (a lock without its process, pending operations: `r1 recover`), the last one failed, nothing stands |
| lifetime | the file, Pulumi's history | it is over |
| cluster, node groups | EKS | not ACTIVE, an issue of its health, fewer nodes than planned |
| nodes, replicas, other pods, jobs | the API server | a node not ready; a pod without node, image or memory, that ends again and again, or starts for longer than the plan allows |
| gateway, routes, certificate | the gateway itself | no answer, no token within 4 s, a certificate that has expired |
| Prometheus | the API server | its operator made none, or its pod is not ready |
| metrics' workspace, metrics' collector | Amazon's Prometheus | there is none, or it is not ACTIVE |
| file system, its link | FSx | not AVAILABLE |
| bucket, weights | S3 | a file missing, cut short or altered |
| cost now | Pulumi's state, EKS | (tells dollars an hour with the nodes that stand now) |

In the rehearsal, whose bucket nobody has filled (lines are cut here):

```text
prod-70b in account 111122223333, us-west-2

✗ weights DeepSeek-R1-Distill-Llama-70B  s3://example-r1-weights: nothing below DeepSeek-R1-Distill-Llama-70B/
                                         → r1 weights sync prod-70b  # or copy https://huggingface.co/deepseek-ai/Deep
✓ identity                               arn:aws:sts::111122223333:assumed-role/platform-engineer/rehearsal
✓ update                                 update of 2026-11-25 09:07 UTC ended well, 183 resources
✓ outputs                                cluster prod-70b, https://gateway-nlb-bb4cefc-1.us-west-2.elb.amazonaws.com,
✓ cluster                                prod-70b is ACTIVE, Kubernetes 1.35
✓ node group system                      ACTIVE, 2 × m7i.large (2–3)
✓ node group r1-70b                      ACTIVE, 1 × p4d.24xlarge (0–1)
✓ API server                             https://127.0.0.1:35699 answers
✓ nodes system                           2 of 2 ready
✓ nodes r1-70b                           1 of 1 ready
✓ replicas 70b                           1 of 1 ready
✓ other pods                             all 13 are well
✓ gateway                                https://127.0.0.1:54573 answers in 12 ms
✓ route 70b                              /api/v1/70b/chat/completions gave a token in 0.0 s
✓ file system                            fs-9b09637e90266d838 is AVAILABLE, 1200 GiB
✓ link to the bucket                     s3://example-r1-weights is AVAILABLE
✓ bucket                                 s3://example-r1-weights
✓ cost now                               $22.72 an hour, $16,586 a month; up to $22.83 an hour scaled out

1 wrong, 0 unknown, 17 well; 0.9 s
```

Locks are read on backends `file://` and `s3://`, and Pulumi Cloud tells by itself whether an update runs; on others a pending
operation may be a living one.

**Not yet run on AWS:** `r1 status`; it was tried against the rehearsal, and against stand-ins for the situations of tests/test_status.py.
"""
_ENDS = re.compile(r"Exits\s+with 1\s+(where\s+.*?)(?=\.\s|\.$|,\s+with 2)", re.DOTALL)


def page() -> str:
    """The whole page."""
    rows = ["| command | what it does | ends with 1 |", "| --- | --- | --- |"]
    for words, about, told in _commands():
        ends = "; ".join(" ".join(one.split()) for one in _ENDS.findall(told)) or "–"
        rows.append(f"| `r1 {words}` | {about} | {ends} |")
    return "\n".join([_HEAD, "\n".join(rows), "", _STATUSES, _COMMON])


def _commands() -> Iterator[tuple[str, str, str]]:
    (subcommands,) = (
        one for one in parser()._actions if isinstance(one, argparse._SubParsersAction)
    )
    helps = {one.dest: one.help or "" for one in subcommands._choices_actions}
    for name, command in subcommands.choices.items():
        yield name, helps[name], command.description or ""
