"""What is done around `pulumi up`: recovery after a crash, expiry, and proof that nothing is left."""
