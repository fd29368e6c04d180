# Each target is a line over the tools; what they do is in components/r1_on_eks.
STACK ?= prod-70b
PYTHON ?= python3
IN := .venv/bin
PROTECTION := r1-on-eks:stack.deletion_protection

CHECKOV := $(HOME)/.cache/r1-on-eks/checkov
ACTIONLINT := $(HOME)/.cache/r1-on-eks/actionlint
STACKS := $(patsubst stacks/Pulumi.%.yaml,%,$(wildcard stacks/Pulumi.*.yaml))

.PHONY: up down test test-all lint checkov actionlint

up: .venv/installed
	$(IN)/r1 rehearse -- pulumi up --yes --stack $(STACK)
	$(IN)/r1 rehearse report $(STACK)

# A production stack is protected: as on AWS, that has to be lifted before it can be destroyed.
down: .venv/installed
	$(IN)/r1 rehearse -- sh -c 'pulumi config set --stack $(STACK) --path $(PROTECTION) false && \
		pulumi up --yes --skip-preview --stack $(STACK) && pulumi destroy --yes --stack $(STACK)'
	$(IN)/r1 rehearse stop --expect-empty

test: .venv/installed
	$(IN)/r1 rehearse prepare
	$(IN)/pytest -m "not slow"

test-all: .venv/installed
	$(IN)/r1 rehearse prepare
	$(IN)/pytest

lint: .venv/installed
	$(IN)/ruff check
	$(IN)/ruff format --check
	$(IN)/lint-imports
	$(IN)/pyright

# Its own environment: it pins hundreds of packages that nothing else needs.
checkov: .venv/installed
	test -x $(CHECKOV)/bin/checkov || { $(PYTHON) -m venv $(CHECKOV) && $(CHECKOV)/bin/pip install --quiet 'checkov==3.3.30'; }
	mkdir -p build/manifests
	for stack in $(STACKS); do $(IN)/python tools/manifests.py $$stack > build/manifests/$$stack.yaml || exit 1; done
	$(CHECKOV)/bin/checkov --config-file .checkov.yaml --directory build/manifests

# Its checksums are the Go checksum database's.
actionlint:
	test -x $(ACTIONLINT)/actionlint || GOBIN=$(ACTIONLINT) go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
	$(ACTIONLINT)/actionlint -color .github/workflows/*.yml

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.13 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(IN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(IN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
