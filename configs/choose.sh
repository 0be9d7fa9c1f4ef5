#!/bin/sh
# The grid from which the settings of the width-8 and width-64 configurations are chosen, on the validation part alone:
#   configs/choose.sh NAME SOURCE STEPS WIDTH
# Learning rate x batch norm in the encoder, stop-gradient and EMA, seeds 100 and 101 (the figures in docs/results/ use
# 0, 1, 2). The table that `compare` prints shows validation accuracies only. The rule, fixed before the first run:
# take the pair (rate, batch norm) with the highest kNN accuracy of the worse of the two fields, mean of both seeds; a pair
# under which any run diverged is out; among equals the smaller rate, then no batch norm.
#   RATES and NORMS (lists) change the grid; further arguments go to `compare`.
set -eu
name=$1 source=$2 steps=$3 width=$4
shift 4
runs=
for norm in ${NORMS:-false true}; do
    for rate in ${RATES:-0.0025 0.005 0.01 0.02}; do
        for field in sg ema; do
            runs="$runs; $field-$rate-$norm: field.kind=$field, optimizer.learning_rate=$rate, network.encoder_batch_norm=$norm"
        done
    done
done
exec "${STOPGRAD:-stopgrad}" compare "$source" --runs "${runs#; }" --seeds 100,101 --steps "$steps" --encoder-width "$width" \
    --set evaluation.probe_every="$steps" --out "runs/choose-$name" "$@"
