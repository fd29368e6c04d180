# Each target is a line over the tools; what they do is in components/r1_on_eks.
STACK ?= prod-70b
PYTHON ?= python3
IN := .venv/bin
PROTECTION := r1-on-eks:stack.deletion_protection

CHECKOV := $(HOME)/.cache/r1-on-eks/checkov
ACTIONLINT := $(HOME)/.cache/r1-on-eks/actionlint
GITLEAKS := $(HOME)/.cache/r1-on-eks/gitleaks
ZIZMOR := $(HOME)/.cache/r1-on-eks/zizmor
PROWLER := $(HOME)/.cache/r1-on-eks/prowler
AUDIT := $(HOME)/.cache/r1-on-eks/pip-audit
LOCK := $(IN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --extra dev pyproject.toml -o requirements.lock
STACKS := $(patsubst stacks/Pulumi.%.yaml,%,$(wildcard stacks/Pulumi.*.yaml))

.PHONY: up down test test-all lint checkov actionlint zizmor secrets audit prowler lock lock-upgraded

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

# Offline: what it would ask GitHub needs a token of yours (GH_TOKEN=… make zizmor ZIZMOR_MODE=).
ZIZMOR_MODE ?= --offline
zizmor:
	test -x $(ZIZMOR)/bin/zizmor || { $(PYTHON) -m venv $(ZIZMOR) && $(ZIZMOR)/bin/pip install --quiet 'zizmor==1.32.0'; }
	$(ZIZMOR)/bin/zizmor $(ZIZMOR_MODE) .

# Keys and tokens, in the files and in every commit that is here.
secrets:
	test -x $(GITLEAKS)/gitleaks || GOBIN=$(GITLEAKS) go install github.com/zricethezav/gitleaks/v8@v8.30.1
	$(GITLEAKS)/gitleaks git --no-banner --redact .

# Asks the local cloud, with a stack in it; findings with reasons are in docs/security.md.
prowler: .venv/installed
	test -x $(PROWLER)/bin/prowler || { $(PYTHON) -m venv $(PROWLER) && $(PROWLER)/bin/pip install --quiet 'prowler==5.46.0'; }
	$(IN)/r1 rehearse -- pulumi up --yes --skip-preview --stack $(STACK)
	$(IN)/r1 rehearse -- $(PROWLER)/bin/prowler aws --region us-west-2 --ignore-exit-code-3 --no-banner \
		--services ec2 eks vpc iam kms cloudwatch elbv2 fsx autoscaling ecr s3 \
		--output-formats csv --output-directory $(CURDIR)/build/prowler

# Asks the database of the Python Packaging Authority on the internet.
audit:
	test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/pip install --quiet 'pip-audit==2.10.1'; }
	$(AUDIT)/bin/pip-audit --require-hashes --disable-pip --requirement requirements.lock

lock: .venv/installed
	$(LOCK)

lock-upgraded: .venv/installed
	$(LOCK) --upgrade

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.13 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(IN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(IN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
