"""`r1 bench`: load on a route, held against what the plan predicts.

The load tool is NVIDIA's AIPerf, in an environment of its own (tool.py).
"""
