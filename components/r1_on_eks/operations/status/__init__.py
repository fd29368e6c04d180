"""How a stack that stands is: asked of Pulumi, AWS, the cluster and the gateway, side by side."""
