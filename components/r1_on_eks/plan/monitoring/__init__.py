"""What is watched: alerts, recorded series and dashboards, as pure functions of the plan.

They read series by these words, which whoever scrapes gives them (docs/monitoring.md): `job` is
`vllm`, `dcgm`, `nginx`, `node`, `kube-state-metrics`, `kubelet` or `fsx`. Series of vLLM carry
`variant` and `pod`; those of DCGM `node`, `gpu`, `pod`, and `variant` where a pod of one has the
GPU; those of nginx `pod`; those of the node exporter `node`. Series of kube-state-metrics and
cAdvisor keep their own `namespace`, `pod`, `container` and `node`.
"""
