#!/bin/sh
# Linear training beside its prediction, from several starts: the figures of docs/results/theory.md.
#   configs/theory.sh
# Each line that begins with a field says what was predicted and where its runs ended; the reports are in runs/theory-*.
set -eu
program=${STOPGRAD:-stopgrad}
config=$(dirname "$0")/digits-theory.toml
run() {
    name=$1
    shift
    echo "== $name: $*"
    "$program" compare --config "$config" --out "runs/theory-$name" --quiet "$@" | sed -n '/^theory and outcome/,$p' | grep ':'
}
# At half of lambda_crit from a balanced start: the configuration as it is.
run balanced
short="--set evaluation.descent_steps=0 --set evaluation.measure_every=1000 --set evaluation.probe_every=40000"
start="--set network.encoder_start=uniform --learning-rate 0.1"
# The default start: 20 seeds at lambda = 1e-3 and at half of lambda_crit.
run default $short $start --runs "sg; ema" --seeds 20 --weight-decay 1e-3 --steps 6000
run half $short $start --runs "sg; ema: training.steps=24000" --seeds 20 --steps 6000
# A narrow embedding. A slow teacher turns it slowly, so the teacher is faster here.
run narrow $short $start --runs "sg; ema: field.teacher_momentum=0.9" --seeds 3 --weight-decay 1e-3 --encoder-width 4 --steps 12000
