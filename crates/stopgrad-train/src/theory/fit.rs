//! Whether a run is what the theory is about, and in what it differs.

use stopgrad_dynamics::Field;

use crate::config::{Loss, OptimizerKind, Precision, PredictorRate, PredictorRule, Regularizer, ScheduleKind};
use crate::objective::Terms;
use crate::plan::Plan;

/// What can be compared.
pub(super) struct Fit {
    /// Why nothing can.
    pub(super) not_compared: Option<String>,
    /// In what the run differs from the theory.
    pub(super) caveats: Vec<String>,
    /// λ of the equilibria that the run rests at.
    pub(super) weight_decay: f64,
    /// γ: the teacher's rate in the time of the flow.
    pub(super) ema_rate: f64,
    /// Whether the points of rest are those of the theory, so that Newton's method from the end means something.
    pub(super) same_equilibria: bool,
}

pub(super) fn fit(plan: &Plan) -> Fit {
    let (config, optimizer) = (&plan.config, &plan.config.optimizer);
    let decay = plan.weight_decay().at(config.training.steps.saturating_sub(1));
    let decoupled = config.objective.regularizer == Regularizer::Decoupled;
    let adam = optimizer.kind == OptimizerKind::Adamw;
    let lars = optimizer.kind == OptimizerKind::Lars;
    let momentum = if adam { 0.0 } else { optimizer.momentum };
    let pairs = config.training.batch_size * config.training.accumulate as usize;
    let mut caveats = Vec::new();
    let mut say = |holds: bool, sentence: String| {
        if holds {
            caveats.push(sentence);
        }
    };
    say(
        plan.fixed.is_none(),
        "Views were drawn afresh in every epoch: the moments are those of the first of them, and the end differs from \
         any equilibrium by what sampling leaves. With views.fixed_pairs both are exact."
            .into(),
    );
    say(
        pairs < plan.pairs_per_epoch(),
        format!(
            "Batches of {} of {} pairs: the run ends in a cloud about its limit, whose size grows with the learning \
             rate. With training.batch_size = 0 it is a point.",
            pairs,
            plan.pairs_per_epoch()
        ),
    );
    say(
        decoupled && optimizer.kind == OptimizerKind::Sgd,
        format!(
            "Weight decay is decoupled: beside heavy ball with β = {momentum} it rests where λ(1 − β) would inside Ē, so \
             the prediction is for {:.3e}.",
            decay * (1.0 - momentum)
        ),
    );
    say(
        decoupled && adam,
        "AdamW with decoupled decay rests where decay balances normalized steps, which is no equilibrium of the theory: \
         the spectra are shown, and no equilibrium is looked for near the end."
            .into(),
    );
    say(
        (adam && !decoupled) || lars,
        format!(
            "{} rests at the same equilibria, but moves by another field: which of them it reaches, and whether they \
             attract it, the theory does not say.",
            if lars { "LARS" } else { "AdamW" }
        ),
    );
    let paced = (optimizer.predictor_rate_scale - 1.0).abs() > 0.0
        || (optimizer.predictor_rate == PredictorRate::Fixed && optimizer.schedule != ScheduleKind::Constant);
    say(
        paced,
        "The predictor has a rate of its own: the run rests at the same equilibria, but moves by another field, and which \
         of them attract it the theory does not say."
            .into(),
    );
    say(
        config.objective.weight_decay_schedule != ScheduleKind::Constant,
        format!("λ moves over the run: the prediction is for its last value, {decay:.3e}."),
    );
    say(
        config.training.precision != Precision::F64,
        "The run is in f32: distances below about 1e-5 are rounding.".into(),
    );
    let ends_at = match config.field.teacher_schedule {
        ScheduleKind::Constant => config.field.teacher_momentum,
        ScheduleKind::Linear | ScheduleKind::Cosine => config.field.teacher_momentum_end,
    };
    let (ema, stops) = (plan.field() == Field::Ema, ends_at >= 1.0);
    let moves = config.field.teacher_schedule != ScheduleKind::Constant;
    say(
        ema && stops && moves,
        "The teacher's momentum rises to 1: it stands still in the end, whether or not the run has reached its limit."
            .into(),
    );
    let rate = plan.learning_rate().at(config.training.steps.saturating_sub(1)).max(f64::MIN_POSITIVE);
    Fit {
        not_compared: reason(plan, ema && stops && !moves),
        caveats,
        // LARS averages λ θ with the gradient.
        weight_decay: if decoupled && optimizer.kind == OptimizerKind::Sgd { decay * (1.0 - momentum) } else { decay },
        // A step is η/(1 − β) of the flow's time, in which the teacher goes 1 − α of its way.
        ema_rate: ((1.0 - ends_at) * (1.0 - momentum) / rate).max(f64::MIN_POSITIVE),
        same_equilibria: !(decoupled && adam),
    }
}

/// Why nothing can be compared.
fn reason(plan: &Plan, still_teacher: bool) -> Option<String> {
    let (config, network) = (&plan.config, &plan.network);
    let inputs = network.input_width;
    let reasons = [
        (
            !network.is_linear,
            "The theory is about one matrix as encoder and one as predictor, without projector and batch norm; this \
             run has more or less than that."
                .to_owned(),
        ),
        (config.objective.loss != Loss::HalfSquared, "The theory is about the half squared loss.".to_owned()),
        (
            config.network.predictor_rule != PredictorRule::Trained,
            "The theory is about a predictor that the field moves; this one is set.".to_owned(),
        ),
        (
            Terms::new(&config.objective, 0).any(),
            "The theory is about Ω = λ/2 (|θ|² + |ψ|²); here it has terms of the embeddings, too.".to_owned(),
        ),
        (
            plan.weight_decay().at(config.training.steps.saturating_sub(1)) == 0.0,
            "λ is 0, and without weight decay there are no isolated limits to predict.".to_owned(),
        ),
        (still_teacher, "The teacher never moves (momentum 1): the theory is about one that follows.".to_owned()),
        (
            inputs > config.evaluation.theory_up_to,
            format!(
                "{inputs} inputs are more than evaluation.theory_up_to = {}: raise it, or take fewer with \
                 views.features = \"pca:64\".",
                config.evaluation.theory_up_to
            ),
        ),
    ];
    reasons.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
}
