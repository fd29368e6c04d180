"""The policy pack of r1-on-eks, with this project's settings.

What is written here is the default; `--policy-pack-config FILE` of a command goes before it.
"""

from r1_on_eks.policies.pack import serve_pack

serve_pack(
    settings={
        # "max-dollars-per-hour": {"most": 30},
        # "allowed-instance-types": {"types": ["g6.*", "g6e.*", "p4d.24xlarge"]},
    }
)
