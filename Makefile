# The commands of this project.  Each installs what is missing first.

.PHONY: help demo run install install-client image test test-long differential bench bench-cerbos bench-instructions build clean

help:
	@echo "make demo       install, build, run real checks on the sample clinic"
	@echo "make run        install, build, serve the sample clinic on 127.0.0.1:8990"
	@echo "make install    install the programs, the systemd unit and the C++ client to PREFIX (/usr/local)"
	@echo "make install-client  install the C++ client alone"
	@echo "make image      build the container image, by podman or docker"
	@echo "make test       install, build, run all tests"
	@echo "make test-long  the long forms of the tests"
	@echo "make differential  compare random decisions with Medplum's own code"
	@echo "make bench      measure, beside an echo server; EFFORT=quick|short|long, WRITE=1"
	@echo "make bench-cerbos  measure beside Cerbos, in the same way"
	@echo "make bench-instructions  count instructions of a warm decision"
	@echo "make build      install and build"
	@echo "make clean      remove build/"

build:
	@.ci/install
	@.ci/build gcc

demo:
	@.ci/install build
	@.ci/build gcc pdpd pdpctl
	@tests/demo/demo.sh

run:
	@.ci/install build
	@.ci/build gcc pdpd pdpctl
	@tests/demo/run.sh

# DESTDIR is put before PREFIX, for packages.
PREFIX ?= /usr/local
export DESTDIR
INSTALL = cmake --install build --prefix $(PREFIX) --strip

install:
	@.ci/install build
	@.ci/build gcc pdpd pdpctl medplum_pdp_client
	@$(INSTALL)

install-client:
	@.ci/install build
	@.ci/build gcc medplum_pdp_client
	@$(INSTALL) --component client

# Of the engines that are there, podman; IMAGE is its name.
ENGINE ?= $(notdir $(firstword $(shell command -v podman docker) docker))
VERSION = $(shell sed -n 's/^project.medplum_pdp VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
IMAGE ?= medplum-pdp:$(VERSION)

image:
	$(ENGINE) build --file helm/image/Containerfile --tag $(IMAGE) \
	  --build-arg REVISION=$$(git rev-parse HEAD) \
	  $(if $(filter podman,$(ENGINE)),--format docker) .

test:
	@.ci/test

test-long:
	@.ci/test_long

differential:
	@.ci/install
	@.ci/build gcc differential_answers
	@tests/differential/run.sh

# EFFORT: quick, short (7 min) or long.  WRITE=1: write docs/performance.md.
EFFORT ?= short
BENCH = /usr/bin/python3 -B tests/bench/bench.py --effort $(EFFORT) $(if $(WRITE),--write)

bench:
	@.ci/install
	@.ci/build gcc bench_programs
	@$(BENCH)

bench-cerbos:
	@.ci/install
	@.ci/build gcc bench_programs
	@$(BENCH) cerbos

bench-instructions:
	@.ci/install
	@.ci/build gcc decide_times
	@/usr/bin/python3 -B tests/bench/instructions.py $(if $(WRITE),--write)

clean:
	rm -rf build
