"""What is done around `pulumi up`: recovery, expiry, and proof that nothing is left."""
