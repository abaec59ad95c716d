#!/usr/bin/env bash
# Gets what tests of the chart use where it is there: helm, built from its Go
# module (minutes, once), and the JSON schemas of Kubernetes.  They are kept in
# PDP_HELM_TOOLS.
set -euo pipefail
tools=${PDP_HELM_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/medplum-pdp}
mkdir -p "$tools"

if command -v helm >/dev/null || [[ -x $tools/helm ]]; then
  echo "helm: is there"
elif ! command -v go >/dev/null; then
  echo "helm: not got, as there is no go; the chart will not be rendered" >&2
else
  GOBIN=$tools nice -n 10 go install helm.sh/helm/v3/cmd/helm@v3.18.6
  echo "helm: built"
fi

if compgen -G "$tools/kubernetes_validate-*.whl" >/dev/null; then
  echo "schemas of Kubernetes: are there"
elif ! command -v pip3 >/dev/null; then
  echo "schemas of Kubernetes: not got, as there is no pip3" >&2
else
  pip3 download --quiet --no-deps --dest "$tools" kubernetes-validate==1.37.0
  echo "schemas of Kubernetes: got"
fi
