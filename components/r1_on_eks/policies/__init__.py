"""Rules for any stack of the user's: security and cost, run by `pulumi preview --policy-pack`.

`rule.py` says what a rule is; `security.py`, `kubernetes.py` and `spending.py` are the rules;
`pack.py` hands them to the engine.
"""
