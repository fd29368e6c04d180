module r1-on-eks/benchmarks/traffic

go 1.26
