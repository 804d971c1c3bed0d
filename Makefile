# Everything a developer runs. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
LAB := tests/lab/lab
export FAY_LAB_CACHE ?= $(HOME)/.cache/fay-rancher-lab
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PATH := $(CURDIR)/.venv/bin:$(PATH)
TIMED := tests/timed
# The longest first, so that no long one runs alone at the end.
SCENARIOS := docker_ce kubectl_access fay rke_node rancher_server

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup:  ## the virtual environment and this checkout as fay.rancher (quick when it is there)
	@tests/setup

.PHONY: engine
engine:
	@tests/lab/host.sh packages && tests/lab/host.sh engine

.PHONY: machine
machine:
	@$(LAB) check

.PHONY: demo
demo: machine setup engine  ## the cluster fay in the lab, by site.yml
	@tests/demo

.PHONY: demo-down
demo-down:  ## remove the demo's hosts
	@$(LAB) down --set demo && rm -f .ansible/demo-password

.PHONY: demo-shell
demo-shell:  ## open a shell on a host of the demo: make demo-shell HOST=bg1
	@$(LAB) shell $(or $(HOST),bg1)

.PHONY: lab
lab: setup engine  ## build the lab's images and caches, start only registry and mirror
	@$(LAB) build

.PHONY: lab-status
lab-status:  ## show what is running
	@$(LAB) status

.PHONY: lab-purge
lab-purge:  ## remove all hosts and services of the lab; caches are kept
	@$(LAB) purge

.PHONY: lint
lint: setup  ## language, lengths, documentation, ansible-lint (production), yamllint, ruff
	@.venv/bin/python tests/variables --check
	@.venv/bin/python tests/limits
	@.venv/bin/python tests/prose
	@codespell --builtin clear,en-GB_to_en-US --ignore-words-list caf,fpr $$(.venv/bin/python tests/prose --files)
	@antsibull-changelog lint
	@$(TIMED) antsibull-docs antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent .
	@$(TIMED) ruff ruff check --quiet .
	@$(TIMED) yamllint yamllint --strict .
	@$(TIMED) ansible-lint ansible-lint --offline --strict -q

.PHONY: unit
unit: setup  ## unit tests, and the server stand-in against the recordings
	@$(TIMED) unit pytest -q tests/unit

.PHONY: unit36
unit36: setup  ## unit tests of the code that runs on hosts, on Python 3.6 if installed
	@$(TIMED) "unit on Python 3.6" tests/unit36

.PHONY: sanity
sanity: setup  ## ansible-test sanity, and the import into Galaxy
	@$(TIMED) sanity tests/sanity/run
	@$(TIMED) galaxy-importer tests/importer

.PHONY: install
install: setup  ## build the collection and use it from an empty place
	@$(TIMED) install tests/install

.PHONY: matrix
matrix: setup engine lab  ## all steps on the oldest, a middle and the newest supported ansible-core
	@$(TIMED) matrix tests/matrix

.PHONY: matrix-quick
matrix-quick: setup engine lab  ## the same without the middle one and most unit tests
	@$(TIMED) "matrix, quick form" tests/matrix --quick

.PHONY: molecule
molecule: setup engine lab  ## every molecule scenario, two at a time; one: make molecule SCENARIO=docker_ce
ifdef SCENARIO
	@FAY_LAB_SET=$(SCENARIO) $(TIMED) "molecule $(SCENARIO)" molecule test -s $(SCENARIO)
else
	@tests/lanes $(SCENARIOS)
endif

.PHONY: quick
quick: setup  ## lint and unit tests
	@tests/lanes unit lint

.PHONY: test
test: setup engine  ## everything, two steps at a time: lint, unit, sanity, install, every molecule scenario, the quick matrix
	@tests/lanes lab $(SCENARIOS) unit sanity unit36 lint install matrix-quick
