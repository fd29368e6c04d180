"""`r1 variants` and `r1 plan`: what is decided before Pulumi, shown to people and programs."""
