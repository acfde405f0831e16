# Completions of gpu-jupyter-tasks and gjt for bash.
_gpu_jupyter_tasks() {
  local word=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) task=${COMP_WORDS[1]} words= names= file
  # "--engine=docker" is three words.
  if [[ $word == = ]]; then word=; elif [[ ${COMP_WORDS[before]} == = ]]; then before=$((before - 1)); fi
  if ((COMP_CWORD == 1)); then task=; fi
  case $task:${COMP_WORDS[before]} in
    reproduce:--engine) words='auto host docker podman nerdctl apptainer' ;;
    reproduce:--image) words='' ;;
    reproduce:--gpus) words='' ;;
    reproduce:--shm-size) words='' ;;
    reproduce:--memory) words='' ;;
    reproduce:--cpus) words='' ;;
    reproduce:--network) words='none' ;;
    reproduce:--mount) words='' ;;
    reproduce:--runs) words='' ;;
    reproduce:--into) words='' ;;
    new:--from) words='' ;;
    train:--engine) words='auto host docker podman nerdctl apptainer' ;;
    train:--image) words='' ;;
    train:--gpus) words='' ;;
    train:--shm-size) words='' ;;
    train:--memory) words='' ;;
    train:--cpus) words='' ;;
    train:--network) words='none' ;;
    train:--mount) words='' ;;
    train:--runs) words='' ;;
    infer:--engine) words='auto host docker podman nerdctl apptainer' ;;
    infer:--image) words='' ;;
    infer:--gpus) words='' ;;
    infer:--shm-size) words='' ;;
    infer:--memory) words='' ;;
    infer:--cpus) words='' ;;
    infer:--network) words='none' ;;
    infer:--mount) words='' ;;
    infer:--runs) words='' ;;
    notebook:--parameter) words='' ;;
    notebook:-p) words='' ;;
    notebook:--parameters-file) words='' ;;
    notebook:-f) words='' ;;
    notebook:--kernel) words='' ;;
    notebook:--cwd) words='' ;;
    notebook:--results) words='' ;;
    notebook:--timeout) words='' ;;
    notebook:--total-timeout) words='' ;;
    notebook:--start-timeout) words='' ;;
    notebook:--jobs) words='' ;;
    notebook:--engine) words='auto host docker podman nerdctl apptainer' ;;
    notebook:--image) words='' ;;
    notebook:--gpus) words='' ;;
    notebook:--shm-size) words='' ;;
    notebook:--memory) words='' ;;
    notebook:--cpus) words='' ;;
    notebook:--network) words='none' ;;
    notebook:--mount) words='' ;;
    notebook:--runs) words='' ;;
    step:--engine) words='auto host docker podman nerdctl apptainer' ;;
    step:--image) words='' ;;
    step:--gpus) words='' ;;
    step:--shm-size) words='' ;;
    step:--memory) words='' ;;
    step:--cpus) words='' ;;
    step:--network) words='none' ;;
    step:--mount) words='' ;;
    step:--runs) words='' ;;
    sweep:--engine) words='auto host docker podman nerdctl apptainer' ;;
    sweep:--image) words='' ;;
    sweep:--gpus) words='' ;;
    sweep:--shm-size) words='' ;;
    sweep:--memory) words='' ;;
    sweep:--cpus) words='' ;;
    sweep:--network) words='none' ;;
    sweep:--mount) words='' ;;
    sweep:--runs) words='' ;;
    sweep:--seeds) words='' ;;
    sweep:--set) words='' ;;
    sweep:--jobs) words='' ;;
    sweep:--per-gpu) words='' ;;
    sweep:--retry) words='failed' ;;
    sweep:--add-seeds) words='' ;;
    sweep:--id) words='' ;;
    verify:--experiment) words='' ;;
    verify:--runs) words='' ;;
    verify:--allowed-signers) words='' ;;
    receipt:--experiment) words='' ;;
    receipt:--runs) words='' ;;
    receipt:--sign) words='' ;;
    report:--experiment) words='' ;;
    report:--runs) words='' ;;
    report:--badge) words='' ;;
    report:--latex) words='' ;;
    report:--typst) words='' ;;
    report:--verifier) words='' ;;
    report:--check) words='' ;;
    report:--crate) words='' ;;
    claim:--experiment) words='' ;;
    claim:--add) words='' ;;
    claim:--name) words='' ;;
    claim:--of) words='' ;;
    claim:--unit) words='' ;;
    claim:--because) words='' ;;
    claim:--spread) words='' ;;
    claim:--runs) words='' ;;
    compare:--html) words='' ;;
    compare:--experiment) words='' ;;
    compare:--runs) words='' ;;
    data:--only) words='' ;;
    data:--from) words='' ;;
    data:--into) words='' ;;
    build:--base) words='' ;;
    build:--variant) words='full python-only slim' ;;
    build:--tag) words='' ;;
    build:--wheelhouse) words='' ;;
    build:--engine) words='docker podman' ;;
    jupyter:--port) words='' ;;
    jupyter:--engine) words='auto host docker podman nerdctl apptainer' ;;
    jupyter:--image) words='' ;;
    jupyter:--gpus) words='' ;;
    jupyter:--publish) words='' ;;
    jupyter:--host) words='' ;;
    jupyter:--token-file) words='' ;;
    run:--port) words='' ;;
    run:--engine) words='auto host docker podman nerdctl apptainer' ;;
    run:--image) words='' ;;
    run:--gpus) words='' ;;
    run:--publish) words='' ;;
    run:--host) words='' ;;
    run:--token-file) words='' ;;
    logs:--tail) words='' ;;
    logs:-n) words='' ;;
    publish:--tag) words='' ;;
    publish:--archive) words='' ;;
    publish:--base) words='' ;;
    publish:--wheelhouse) words='' ;;
    publish:--limit) words='' ;;
    fix-permissions:--engine) words='host docker podman nerdctl apptainer' ;;
    fix-permissions:--image) words='' ;;
    fix-permissions:--undo) words='' ;;
    *) case $task in
      '') words='reproduce new train infer notebook step sweep verify receipt report claim compare data audit build doctor jupyter run stop status logs shell publish clean fix-permissions help completions lock' ;;
      reproduce) if [[ $word == -* ]]; then words='--plan --engine --image --gpus --shm-size --memory --cpus --network --mount --yes -y --offline --runs --reuse --keep-outputs --resume --force --twice --from-scratch --into --sweep --json --help -h'; else names=1 words=''; fi ;;
      new) if [[ $word == -* ]]; then words='--plan --yes -y --from --ci --record --undo --json --help -h'; else words=''; fi ;;
      train) if [[ $word == -* ]]; then words='--plan --engine --image --gpus --shm-size --memory --cpus --network --mount --yes -y --offline --runs --reuse --keep-outputs --resume --force --json --help -h'; else names=1 words=''; fi ;;
      infer) if [[ $word == -* ]]; then words='--plan --engine --image --gpus --shm-size --memory --cpus --network --mount --yes -y --offline --runs --reuse --keep-outputs --resume --force --json --help -h'; else names=1 words=''; fi ;;
      notebook) if [[ $word == -* ]]; then words='--parameter -p --parameters-file -f --list-parameters --kernel --cwd --results --timeout --total-timeout --start-timeout --allow-errors --html --jobs --plan --engine --image --gpus --shm-size --memory --cpus --network --mount --yes -y --offline --runs --reuse --keep-outputs --resume --force --json --help -h'; else names=1 words=''; fi ;;
      step) if [[ $word == -* ]]; then words='--plan --engine --image --gpus --shm-size --memory --cpus --network --mount --yes -y --offline --runs --reuse --keep-outputs --resume --force --json --help -h'; else names=1 words=''; fi ;;
      sweep) if [[ $word == -* ]]; then words='--plan --engine --image --gpus --shm-size --memory --cpus --network --mount --yes -y --offline --runs --resume --force --seeds --set --jobs --per-gpu --retry --add-seeds --id --show --json --help -h'; else names=1 words=''; fi ;;
      verify) if [[ $word == -* ]]; then words='--experiment --current --runs --allowed-signers --json --help -h'; else words=''; fi ;;
      receipt) if [[ $word == -* ]]; then words='--experiment --runs --sign --json --help -h'; else words=''; fi ;;
      report) if [[ $word == -* ]]; then words='--experiment --current --runs --open --badge --markdown --latex --siunitx --typst --verifier --check --crate --json --help -h'; else words=''; fi ;;
      claim) if [[ $word == -* ]]; then words='--experiment --add --name --of --unit --because --spread --runs --yes --json --help -h'; else words=''; fi ;;
      compare) if [[ $word == -* ]]; then words='--html --experiment --runs --json --help -h'; else words=''; fi ;;
      data) if [[ $word == -* ]]; then words='--only --offline --from --plan --yes -y --into --json --help -h'; else names=1 words='fetch verify list get'; fi ;;
      audit) if [[ $word == -* ]]; then words='--fix-plan --json --help -h'; else words=''; fi ;;
      build) if [[ $word == -* ]]; then words='--cpu --base --variant --tag --wheelhouse --download-wheels --update --engine --plan --json --help -h'; else names=1 words=''; fi ;;
      doctor) if [[ $word == -* ]]; then words='--json --help -h'; else names=1 words=''; fi ;;
      jupyter) if [[ $word == -* ]]; then words='--detach -d --port --engine --image --gpus --publish --host --token-file --sudo --root --restart --open --yes -y --plan --json --help -h'; else names=1 words=''; fi ;;
      run) if [[ $word == -* ]]; then words='--detach -d --port --engine --image --gpus --publish --host --token-file --sudo --root --restart --open --yes -y --plan --json --help -h'; else names=1 words=''; fi ;;
      stop) if [[ $word == -* ]]; then words='--json --help -h'; else words=''; fi ;;
      status) if [[ $word == -* ]]; then words='--json --help -h'; else words=''; fi ;;
      logs) if [[ $word == -* ]]; then words='--follow -f --tail -n --help -h'; else words=''; fi ;;
      shell) if [[ $word == -* ]]; then words='--help -h'; else words=''; fi ;;
      publish) if [[ $word == -* ]]; then words='--tag --push --archive --force --cpu --base --wheelhouse --limit --plan --json --help -h'; else names=1 words=''; fi ;;
      clean) if [[ $word == -* ]]; then words='--plan --runs --shared --yes -y --json --help -h'; else words=''; fi ;;
      fix-permissions) if [[ $word == -* ]]; then words='--plan --to-container --group --all --engine --image --undo --json --help -h'; else words=''; fi ;;
      help) if [[ $word == -* ]]; then words='--version --json --help -h'; else words='reproduce new train infer notebook step sweep verify receipt report claim compare data audit build doctor jupyter run stop status logs shell publish clean fix-permissions help completions lock'; fi ;;
      completions) if [[ $word == -* ]]; then words='--json --help -h'; else words='bash zsh fish'; fi ;;
      lock) if [[ $word == -* ]]; then words='--upgrade --json --help -h'; else names=1 words=''; fi ;;
    esac ;;
  esac
  if [[ -n $names ]]; then
    for file in experiments/*/experiment.yaml; do
      [[ -f $file ]] && file=${file#*/} && words+=" ${file%/*}"
    done
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _gpu_jupyter_tasks gpu-jupyter-tasks gjt
