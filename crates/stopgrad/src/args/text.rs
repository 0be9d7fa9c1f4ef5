//! Long descriptions and examples; a test runs every example through the parser.

pub(super) const COMMAND_EXAMPLES: &str = "\
Examples:
  stopgrad compare digits                 three runs on real images, a verdict for each, a report
  stopgrad data digits --views digits     what a source holds, and pairs of views as a picture
  stopgrad train images.npy --field ema   one run

Exit status: 0 done; 1 done, but what --fail-on or --require asked for is not met, or --time-limit is over; \
2 the input or the call is wrong, and the message says where and what to do; 130 stopped by Ctrl-C, at a checkpoint.";

pub(super) const DATA_ABOUT: &str = "\
Say what is in a source - how many samples, their shape and range, the classes, the parts for training, validation \
and test, what could not be read - and draw a sheet of samples, or of pairs of views with --views.";

pub(super) const DATA_EXAMPLES: &str = "\
Examples:
  stopgrad data digits
  stopgrad data digits --views digits --out pairs.png
  stopgrad data table.csv --label-column species --json";

pub(super) const TRAIN_ABOUT: &str = "\
Train one run: encoder, projector and predictor from pairs of views, under one update rule. Measures the objective \
beside the proxy that is trained, probes the frozen representation, and gives a verdict with evidence. Everything is \
written into the folder of the run; the same command goes on where a stopped run ended, to the same bits.";

pub(super) const TRAIN_EXAMPLES: &str = "\
Examples:
  stopgrad train digits --field sg
  stopgrad train photos --image-side 64 --dry-run
  stopgrad train cifar10 --preset byol-small
  stopgrad train photos --preset byol-resnet18 --image-side 64
  stopgrad train photos --preset byol-resnet18 --device wgpu --set training.precision=mixed
  stopgrad train --preset list
  stopgrad train digits --field ema --steps 20000 --set field.teacher_momentum=0.996
  stopgrad train mnist --config configs/mnist-width8.toml --out runs/mnist-sg --time-limit 10m
  stopgrad train photos --encoder resnet18 --init resnet18.pth --out runs/further
  stopgrad train features.csv --label-column class --fail-on collapses,diverges --require decided";

pub(super) const COMPARE_ABOUT: &str = "\
Train several runs from the same initial weights, on the same batches and views, and write one report about them. \
Without --runs these are the three fields: joint (descends the objective), sg (stop-gradient) and ema (averaged \
teacher). A run of any other name starts from the shared options and changes the keys it lists.";

pub(super) const COMPARE_EXAMPLES: &str = "\
Examples:
  stopgrad compare digits
  stopgrad compare digits --seeds 3
  stopgrad compare cifar10 --preset byol-small --runs \"ema; joint\"
  stopgrad compare digits --runs \"joint; sg; fast: field.kind=sg, optimizer.learning_rate=0.2\"
  stopgrad compare mnist --config configs/mnist-width8.toml --out runs/mnist --fail-on sg:collapses";

pub(super) const EMBED_ABOUT: &str = "\
Write the representations of a source, as the encoder of a trained run gives them, to a NumPy file. The preprocessing \
stored with the run (size, mean, scale, channel order) is applied; samples that cannot be read are listed.";

pub(super) const EMBED_EXAMPLES: &str = "\
Examples:
  stopgrad embed runs/train-digits-1 digits --out digits-embedding.npy
  stopgrad embed runs/compare-digits-1/ema new.npy --part teacher --out by-teacher.npy
  stopgrad embed runs/compare-digits-1/sg new.npy --out new-embedding.npy --json";

pub(super) const EXPORT_ABOUT: &str = "\
Write the weights of a trained run to a .safetensors file: the encoder under the names and in the layouts of torchvision or \
timm, or all parts under our own names. Mean and standard deviation of the preprocessing stand in the file, and the lines of \
Python that load it are printed. `train --init` starts from such a file.";

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  stopgrad export runs/train-photos-1 --to torchvision --out resnet18.safetensors
  stopgrad export runs/compare-photos-1/ema --to timm --part teacher
  stopgrad export runs/train-digits-1 --to safetensors --json";

pub(super) const REPORT_ABOUT: &str = "\
Write report.html, report.json and the figures of finished runs again, from the files in their folders alone: of one run or \
comparison into its folder, or of any runs and comparisons together. The page says in what runs of different folders cannot be \
compared; runs of one name and different configurations are named after their folders, and those that differ in the seed \
alone are seeds of one configuration.";

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  stopgrad report runs/compare-digits-1
  stopgrad report runs/compare-digits-1 runs/train-digits-1 --out runs/together
  stopgrad report runs --skip-unfinished --tensorboard";

pub(super) const MOMENTS_ABOUT: &str = "\
Second moments of pairs of views: X = E[x xT], Y = E[y xT], V = E[y yT] and the means, in one pass over a source. They \
are all that the linear theory needs; predict, flow, basins and sweep read the file. Views are made and normalized \
as train makes them. With exchangeable recipes (all presets) k views of a sample give k(k-1) ordered pairs. Linear \
networks have no bias: without --center the first mode is the mean sample.";

pub(super) const MOMENTS_EXAMPLES: &str = "\
Examples:
  stopgrad moments digits --views digits --center --out digits.npz
  stopgrad moments mnist --views noise --augmentations 4 --center --out mnist.npz --json
  stopgrad moments digits --center --features pca:16 --out digits16.npz
  stopgrad moments digits --views recipe.toml --features fourier:512 --seed 7 --out fourier.npz
  stopgrad moments --view-files past.npy future.npy --out series.npz
  stopgrad moments --merge part1.npz part2.npz --features whiten --out whole.npz";

pub(super) const DIAGNOSE_ABOUT: &str = "\
Has a network collapsed - to a constant, to few dimensions, to a few points, to what depends on the token position alone - \
and where? From its outputs for some samples, which a training script writes with numpy.save or numpy.savez; no training of \
ours is needed. A reference (the untrained network, or the raw input) says how many dimensions there could be; labels let \
kNN and linear probes read the outputs; a second view and a weight decay let the linear theory say what of them would last. \
How often the answers are right is in docs/results/calibration.md.";

pub(super) const DIAGNOSE_EXAMPLES: &str = "\
Examples:
  stopgrad diagnose z.npy
  stopgrad diagnose z.npy --second-view z2.npy --teacher t.npy --reference untrained.npy --report runs/diagnosis
  stopgrad diagnose outputs.npz --labels labels.npy --weight-decay 1e-3
  stopgrad diagnose outputs.safetensors --fail-on collapses --json
  stopgrad diagnose step-1000.npy step-2000.npy step-3000.npy";

pub(super) const WATCH_ABOUT: &str = "\
Follow a folder into which a training script drops its outputs (docs/watch.md has the 15 lines that write them): one line a \
drop, in the order in which they came, and a warning, once and with the reason, when the verdict changes. A file that cannot \
be read yet is tried again; one that stays unreadable is told and left out. Ends on Ctrl-C, --idle, --time-limit, --once, or, \
with --fail-on collapses, with status 1 at the first drop that has collapsed.";

pub(super) const WATCH_EXAMPLES: &str = "\
Examples:
  stopgrad watch drops
  stopgrad watch drops --reference drops-untrained.npy --idle 10m
  stopgrad watch drops --fail-on collapses
  stopgrad watch drops --once --json";

pub(super) const PREDICT_ABOUT: &str = "\
What stop-gradient and EMA training of a linear network will keep at a weight decay, from second moments of two views and \
without training: which modes survive, where full rank ends, the equilibrium that attracts, and in which range of weight \
decay nothing above the noise dies.";

pub(super) const PREDICT_EXAMPLES: &str = "\
Examples:
  stopgrad predict digits.npz --weight-decay 1e-3 --report runs/predict
  stopgrad predict digits.npz --weight-decay 1e-2 --embedding-dim 8 --out end.npz
  stopgrad predict series.npz --weight-decay 0.01 --all-ranks --require decided --json";

pub(super) const EQUILIBRIA_ABOUT: &str = "\
Every equilibrium of stop-gradient and EMA training of a linear network at a weight decay, by rank, from second moments of \
two views: full rank and the ranks below it by following all complex solutions of a generic instance to this one, rank one \
as an eigenvalue problem, the origin. Each solution is proved by interval arithmetic: it exists, it is alone in its box, it \
is real or it is not. A rank is called complete only when as many are proved as a generic instance has. Ranks that cannot be \
followed (two to four in 5 dimensions, two and more in 6 to 10) are searched from many starts, in seconds to minutes, and not \
claimed complete; above that the largest of full rank is found, up to 24 dimensions, and all of rank one. Then the stability \
of each, transversally to its orbit.";

pub(super) const EQUILIBRIA_EXAMPLES: &str = "\
Examples:
  stopgrad equilibria digits3.npz --weight-decay 0.01
  stopgrad equilibria digits3.npz --weight-decay 0.01 --ranks full --out roots.json --require complete,certified
  stopgrad equilibria series.npz --weight-decay 1e-3 --field ema --ema-rate 0.1 --embedding-dim 8 --json";

pub(super) const VERIFY_ABOUT: &str = "\
Prove the solutions in a file that `equilibria --out` wrote again: Krawczyk's test in interval arithmetic from the moments \
and the centers in the file, whatever way they were found; then that no two are the same, and that there are as many as the \
file says.";

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  stopgrad verify roots.json
  stopgrad verify roots.json --require certified,complete --json";

pub(super) const FIBRE_ABOUT: &str = "\
Make again what `equilibria` starts from: all complex solutions of one generic instance of a size and rank. One solved \
instance is free; carried around loops of parameters its solution turns into others, until loops that lose no path bring \
nothing new. The same seed gives the same bytes, those of the file that comes with the program.";

pub(super) const FIBRE_EXAMPLES: &str = "\
Examples:
  stopgrad fibre 4
  stopgrad fibre 4 --rank 3 --seed 7 --out other.fibre
  stopgrad fibre --read other.fibre";

pub(super) const FLOW_ABOUT: &str = "\
Follow the linear network f(x) = A x, g(z) = B z with teacher C under one field from a start to its end, with errors \
controlled at every step, or train it in steps of a learning rate. It stops for a reason that is told: steady (at an \
equilibrium), cycle (on a closed orbit, with period and amplitude), budget, or diverged. At an equilibrium: does it attract \
(the rotations that map solutions to solutions taken out), and is the field the gradient of something there (kappa)? On \
the way: the objective, the proxy, the eigenvalues of AT A, and the gap A AT - BT B beside its exact decay.";

pub(super) const FLOW_EXAMPLES: &str = "\
Examples:
  stopgrad flow digits16.npz --field sg --embedding-dim 16 --weight-decay 0.01
  stopgrad flow digits16.npz --field ema --ema-rate 0.1 --embedding-dim 8 --weight-decay 0.01 --out end.npz --report runs/flow
  stopgrad flow digits16.npz --field sg --embedding-dim 16 --weight-decay 0.01 --start identity --init-scale 10
  stopgrad flow digits16.npz --field joint --embedding-dim 16 --weight-decay 0.01 --start end.npz --require decided --json
  stopgrad flow digits16.npz --field ema --embedding-dim 16 --weight-decay 0.01 --init-scale 0.3 --learning-rate 0.01 --momentum 0.99";

pub(super) const BASINS_ABOUT: &str = "\
What share of random starts ends where, with 95 % intervals (Wilson): at which rank, on a cycle, diverged, or unresolved. An \
end counts as an equilibrium only when Newton steps from it meet one close by, to rounding. With --scalar the published \
experiment (Ponce, Terver, Hebert, Arbel 2026): m = 1, rho in [0, 3], tau in [-1, 1], lambda in [0.01, 0.1], uniform where \
tau^2 >= 4 rho lambda; its shares stand beside ours, and --table shows how ours depend on the start, which was not published.";

pub(super) const BASINS_EXAMPLES: &str = "\
Examples:
  stopgrad basins digits16.npz --field sg --embedding-dim 8 --weight-decay 0.01
  stopgrad basins digits16.npz --field ema --embedding-dim 4 --weight-decay 0.01 --trials 2000 --init-scale 0.3 --report runs/basins
  stopgrad basins --scalar
  stopgrad basins --scalar --embedding-dim 2 --init-scale 0.7 --ema-rate 0.02 --json
  stopgrad basins --scalar --table --out shares.csv --report runs/scalar";

pub(super) const BRANCHES_ABOUT: &str = "\
How the equilibria of stop-gradient and EMA are born and die while weight decay is varied, and which attract: every one that is \
found is followed by pseudo-arclength in both directions, folds, crossings and Hopf points are located, and equilibria are \
sought anew between them to check that none lacks. Also along a mix of two moments (equilibria move), a teacher's rate or a \
learning rate (equilibria stay, what attracts changes).";

pub(super) const BRANCHES_EXAMPLES: &str = "\
Examples:
  stopgrad branches digits3.npz --from 1e-4 --to 1 --report runs/branches
  stopgrad branches series.npz --from 1e-3 --to 0.5 --field ema --ema-rate 0.1 --require complete --json
  stopgrad branches series.npz --from 1e-3 --to 0.5 --cycles --report runs/cycles
  stopgrad branches before.npz --along mix --other after.npz --from 0 --to 1 --weight-decay 0.01
  stopgrad branches series.npz --along ema-rate --field ema --from 0.01 --to 10 --weight-decay 0.01
  stopgrad branches series.npz --along learning-rate --from 0.01 --to 10 --weight-decay 0.01 --embedding-dim 4";

pub(super) const SWEEP_ABOUT: &str = "\
Do what predict, flow or basins does at every point of a grid of weight decays, teacher rates, embedding dimensions, scales \
and seeds, and write one table (CSV and Parquet) with pictures. The table grows while the sweep runs; the same command goes on \
where a stopped sweep ended, and the table is then the same in all but its seconds. A point that fails is a row that says why.";

pub(super) const SWEEP_EXAMPLES: &str = "\
Examples:
  stopgrad sweep predict digits16.npz --weight-decay 1e-4:1e-1:20 --embedding-dim 4,8,16 --out runs/survival
  stopgrad sweep flow digits16.npz --field sg --weight-decay 1e-3:1e-1:7 --embedding-dim 8 --seed 0..9 --out runs/ends
  stopgrad sweep basins --scalar --init-scale 0.2:2:6 --embedding-dim 1,2,4 --trials 1000 --out runs/scalar

The options of each: stopgrad sweep predict --help, and so on.";

pub(super) const SWEEP_LISTS: &str = "\
One row a point of the grid (basins: a row an outcome). A LIST is numbers with commas between them; FROM:TO:COUNT stands for \
COUNT numbers of equal ratios, FROM..TO for all whole numbers between, both with their ends, and these can be mixed. The grid \
is the product of the lists, in the order weight decay, ema rate, embedding dim, init scale, seed: the last changes fastest. \
Every other option is that of the command itself, the same at every point.";

pub(super) const SWEEP_PREDICT_EXAMPLES: &str = "\
Examples:
  stopgrad sweep predict digits16.npz --weight-decay 1e-4:1e-1:20 --out runs/survival
  stopgrad sweep predict digits16.npz --weight-decay 1e-3,1e-2 --embedding-dim 1..16 --out runs/widths --json";

pub(super) const SWEEP_FLOW_EXAMPLES: &str = "\
Examples:
  stopgrad sweep flow digits16.npz --field sg --weight-decay 1e-3:1e-1:7 --embedding-dim 8 --seed 0..9 --out runs/ends
  stopgrad sweep flow digits16.npz --field ema --ema-rate 0.01:1:5 --weight-decay 0.01 --embedding-dim 8 --start identity --out runs/rates";

pub(super) const SWEEP_BASINS_EXAMPLES: &str = "\
Examples:
  stopgrad sweep basins digits16.npz --field sg --weight-decay 1e-3:1e-1:7 --embedding-dim 4 --trials 500 --out runs/shares
  stopgrad sweep basins --scalar --field ema --ema-rate 0.01:1:5 --init-scale 0.5,1,2 --trials 1000 --out runs/teachers";

pub(super) const LANDSCAPE_ABOUT: &str = "\
Draw the objective over the plane of one encoder weight and one predictor weight (m = n = 1), from three second \
moments of a pair of views. Shown are its level curves, the collapse C, the limit A of stop-gradient and EMA - a minimum \
along the predictor, on a slope along the encoder -, the nullclines, and one trajectory of each field. Everything is in \
closed form; nothing is trained. With --states: over the plane through three states of a linear network of any size, with its \
minima within that plane, the part of each field's direction that leaves it, and one trajectory of each field seen from it.";

pub(super) const LANDSCAPE_EXAMPLES: &str = "\
Examples:
  stopgrad landscape
  stopgrad landscape --tau 0.9 --weight-decay 0.02 --out runs/landscape
  stopgrad landscape --tau -0.5 --start -0.7,0.4 --json
  stopgrad landscape one.json --weight-decay 0.02 --out runs/one
  stopgrad landscape digits16.npz --states sg.npz ema.npz joint.npz --weight-decay 0.01 --out runs/plane";

pub(super) const DOCTOR_ABOUT: &str = "\
Say what this machine offers and what this program uses of it - processor and the vector instructions of our kernels, \
threads, memory, room on the disk, versions, and the rate of matrix products, measured for a second - and what of it will \
hurt. Changes nothing. Put its output beside a report of a mistake, or beside timings.";

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  stopgrad doctor
  stopgrad doctor --json";

pub(super) const COMPLETIONS_ABOUT: &str = "\
Print a script that completes the commands and options of stopgrad in a shell. Where it has to lie depends on the shell; \
the examples name the usual places. A new shell reads it.";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  stopgrad completions bash > ~/.local/share/bash-completion/completions/stopgrad
  stopgrad completions zsh > ~/.zfunc/_stopgrad
  stopgrad completions fish > ~/.config/fish/completions/stopgrad.fish

zsh looks in ~/.zfunc if ~/.zshrc has, before compinit, the line fpath+=~/.zfunc. PowerShell: \
stopgrad completions powershell >> $PROFILE";

pub(super) const MAN_ABOUT: &str = "\
Write the manual pages into a folder: stopgrad.1, and one a command (stopgrad-train.1, stopgrad-sweep-flow.1). They say \
what --help says. Pages that are there are replaced; other files are left alone.";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  stopgrad man --out ~/.local/share/man/man1
  stopgrad man --out man --json

After the first, man stopgrad and man stopgrad-train find them.";
