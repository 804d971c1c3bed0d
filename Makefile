# Everything a developer runs. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
LAB := tests/lab/lab
export FAY_LAB_CACHE ?= $(HOME)/.cache/fay-rancher-lab
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PATH := $(CURDIR)/.venv/bin:$(PATH)
TIMED := tests/timed
# The longest scenario is first, so that no long one runs alone at the end.
SCENARIOS := docker_ce kubectl_access fay rke_node rancher_server

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup:  ## create the virtual environment and make this checkout available as fay.rancher
	@tests/setup

.PHONY: engine
engine:
	@tests/lab/host.sh packages && tests/lab/host.sh engine

.PHONY: machine
machine:
	@$(LAB) check

.PHONY: demo
demo: machine setup engine  ## build the cluster fay in the lab with site.yml
	@tests/demo

.PHONY: demo-down
demo-down:  ## remove the demo's hosts
	@$(LAB) down --set demo && rm -f .ansible/demo-password

.PHONY: demo-shell
demo-shell:  ## open a shell on a host of the demo: make demo-shell HOST=bg1
	@$(LAB) shell $(or $(HOST),bg1)

.PHONY: lab
lab: setup engine  ## build the lab's images and caches, and start only its registry and mirror
	@$(LAB) build

.PHONY: lab-status
lab-status:  ## show what is running
	@$(LAB) status

.PHONY: lab-purge
lab-purge:  ## remove all hosts and services of the lab; caches are kept
	@$(LAB) purge

.PHONY: lint
lint: setup  ## check language, lengths and documentation; run ansible-lint (production), yamllint and ruff
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
unit: setup  ## run the unit tests; they also compare the server stand-in with the recordings
	@$(TIMED) unit pytest -q tests/unit

.PHONY: unit36
unit36: setup  ## run the unit tests of the code that runs on hosts on Python 3.6, if installed
	@$(TIMED) "unit on Python 3.6" tests/unit36

.PHONY: sanity
sanity: setup  ## run ansible-test sanity, and import the collection as Galaxy does
	@$(TIMED) sanity tests/sanity/run
	@$(TIMED) galaxy-importer tests/importer

.PHONY: install
install: setup  ## build the collection, and use it from an empty directory
	@$(TIMED) install tests/install

.PHONY: matrix
matrix: setup engine lab  ## test with the oldest, a middle and the newest supported ansible-core
	@$(TIMED) matrix tests/matrix

.PHONY: matrix-quick
matrix-quick: setup engine lab  ## the same without the middle ansible-core and most unit tests
	@$(TIMED) "matrix, quick form" tests/matrix --quick

.PHONY: molecule
molecule: setup engine lab  ## run all molecule scenarios, two at a time; only one: make molecule SCENARIO=docker_ce
ifdef SCENARIO
	@FAY_LAB_SET=$(SCENARIO) $(TIMED) "molecule $(SCENARIO)" molecule test -s $(SCENARIO)
else
	@tests/lanes $(SCENARIOS)
endif

.PHONY: quick
quick: setup  ## run lint and the unit tests
	@tests/lanes unit lint

.PHONY: test
test: setup engine  ## run everything, two steps at a time: lint, unit, sanity, install, all molecule scenarios, the quick matrix
	@tests/lanes lab $(SCENARIOS) unit sanity unit36 lint install matrix-quick
