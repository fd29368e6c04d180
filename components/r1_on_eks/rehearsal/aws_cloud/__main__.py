"""`python -m r1_on_eks.rehearsal.aws_cloud`: the local cloud's server."""

import argparse
import os
import signal
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="aws_cloud", description="AWS on one machine")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="the rehearsal's directory")
    parser.add_argument("--account", default="111122223333")
    parser.add_argument("--region", default="us-west-2")
    parser.add_argument(
        "--no-control-plane",
        action="store_true",
        help="clusters become ACTIVE with an endpoint that nothing answers",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how long nodes and add-ons wait for what they need; AWS: about 20 minutes",
    )
    args = parser.parse_args(argv)
    _forget_the_user()
    # moto reads both at import.
    os.environ["MOTO_ACCOUNT_ID"] = args.account
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from r1_on_eks.rehearsal.aws_cloud.server import make_cloud
    from r1_on_eks.rehearsal.aws_cloud.settings import Settings

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server = make_cloud(
        Settings(
            port=args.port,
            state_root=args.state.absolute(),
            account=args.account,
            region=args.region,
            control_planes=not args.no_control_plane,
            patience_s=args.patience,
        )
    )
    print(f"AWS account {args.account} at http://127.0.0.1:{args.port}", flush=True)
    server.serve_forever()


def _forget_the_user() -> None:
    """No profile, key or metadata service of the user's takes part in this process."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


if __name__ == "__main__":
    main()
