# Two commands on a fresh machine: `make run` and `make test`. Both set up what they need in .venv.
PYTHON ?= python3
VENV := .venv
export OMP_WAIT_POLICY := passive

.PHONY: run test clean

run: $(VENV)/.run
	$(VENV)/bin/magpie run --size 200 --out runs/first

test: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/pytest

$(VENV)/.run: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) build dist
