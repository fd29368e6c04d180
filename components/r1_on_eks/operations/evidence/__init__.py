"""What only a real account can show, as experiments: what each would prove, costs and takes.

`on_account.py` asks AWS, `in_cluster.py` a cluster that stands, `by_people.py` says what a person
has to do; `experiments.py` lists them all.
"""
