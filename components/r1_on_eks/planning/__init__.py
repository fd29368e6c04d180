"""`r1 variants`, `r1 recommend`, `r1 plan`: decisions before Pulumi, for people and programs."""
