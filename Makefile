# Two commands on a fresh machine: `make run` and `make test`. Both set up what they need in .venv; the tests of heavy
# engines in .venv-engines and .venv-vllm (`make test-core` leaves them out). `make oldest` tests the oldest releases that
# pyproject.toml admits. `make proof` trains models in .venv-engines and prints what data is worth. `make cluster` starts a
# Ray cluster of three nodes on this machine and runs a recipe on it.
PYTHON ?= python3
VENV := .venv
export OMP_WAIT_POLICY := passive

.PHONY: run test test-core oldest proof cluster clean

run: $(VENV)/.run
	$(VENV)/bin/magpie run --size 200 --out runs/first

test: $(VENV)/.test
	scripts/test.sh

test-core: $(VENV)/.test
	MAGPIE_TEST_MINUTES=0 scripts/test.sh

oldest:
	scripts/oldest.sh

proof:
	scripts/env-engines.sh $(VENV)-engines
	$(VENV)-engines/bin/python -m bench.proof $(PROOF)

cluster:
	scripts/env-cluster.sh $(VENV)-cluster
	$(VENV)-cluster/bin/python -m bench.local_cluster $(CLUSTER)

$(VENV)/.run: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[curation,test]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) $(VENV)-engines $(VENV)-vllm $(VENV)-cluster $(VENV)-oldest-* $(VENV)-uv build dist
