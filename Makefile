# The commands of this project.  Each installs what is missing first.

.PHONY: help demo run test test-long differential build clean

help:
	@echo "make demo       install, build, run real checks on the sample clinic"
	@echo "make run        install, build, serve the sample clinic on 127.0.0.1:8990"
	@echo "make test       install, build, run all tests"
	@echo "make test-long  the long forms of the tests"
	@echo "make differential  compare random decisions with Medplum's own code"
	@echo "make build      install and build"
	@echo "make clean      remove build/"

build:
	@.ci/install
	@.ci/build gcc

demo:
	@.ci/install
	@.ci/build gcc pdpd pdpctl
	@tests/demo/demo.sh

run:
	@.ci/install
	@.ci/build gcc pdpd pdpctl
	@tests/demo/run.sh

test:
	@.ci/test

test-long:
	@.ci/test_long

differential:
	@.ci/install
	@.ci/build gcc differential_answers
	@tests/differential/run.sh

clean:
	rm -rf build
