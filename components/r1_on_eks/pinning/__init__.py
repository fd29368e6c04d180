"""Looking up what a stack runs: zones, versions, digests and revisions (`r1 pins`)."""
