//! The table of figures: what each shows, under which title, and how to read it. To add a figure, add an entry.

use super::super::record::Column;
use super::Group;
use crate::plot::Axis;

/// One figure before it is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: &'static str,
    pub(super) group: Group,
    pub(super) title: &'static str,
    pub(super) caption: &'static str,
    /// What is read upwards; for [`Content::Path`], where that is accuracy, what is read to the right.
    pub(super) axis: Axis<'static>,
    pub(super) content: Content,
    /// Only where some runs collapsed completely and others did not: for those others, on a scale of their own.
    pub(super) close: bool,
}

/// Which data a figure is drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    /// A column against the step.
    Column(Column),
    /// A column divided by the learning rate, against the step.
    PerRate(Column),
    /// Eigenvalues of a place against their index, at the last measurement and, in light, at the first.
    Spectrum(&'static str),
    /// A probe column against the step, with its baselines; the kind of probe that baselines are found by.
    Probe(Column, &'static str),
    /// Probe accuracy against a loss column: a path a run.
    Path(Column),
}

const fn log(name: &'static str) -> Axis<'static> {
    Axis::log(name)
}

const fn linear(name: &'static str) -> Axis<'static> {
    Axis::linear(name)
}

/// Against which most figures are drawn.
pub(super) const STEP: Axis<'static> = linear("step");
/// Against which spectra are drawn.
pub(super) const INDEX: Axis<'static> = linear("index");
/// Of probes.
pub(super) const ACCURACY: Axis<'static> = Axis::percent("accuracy");

const fn entry(
    id: &'static str, group: Group, axis: Axis<'static>, content: Content, text: [&'static str; 2],
) -> Entry {
    let [title, caption] = text;
    Entry { id, group, title, caption, axis, content, close: false }
}

const fn close_up(
    id: &'static str, group: Group, axis: Axis<'static>, content: Content, text: [&'static str; 2],
) -> Entry {
    Entry { close: true, ..entry(id, group, axis, content, text) }
}

/// Every figure a report can have, in page order.
#[rustfmt::skip]
pub(super) const ENTRIES: [Entry; 20] = [
    entry("joint-objective", Group::Objective, log("Ē"), Content::Column(Column::JointObjective), [
        "Ē, the original objective",
        "On the fixed evaluation pairs, student against student. Only joint descends it.",
    ]),
    close_up("joint-objective-close", Group::Objective, log("Ē"), Content::Column(Column::JointObjective), [
        "Ē, collapsed runs left out",
        "The same for the runs that did not collapse completely, on a scale of their own.",
    ]),
    entry("proxy-objective", Group::Objective, log("F̄"), Content::Column(Column::ProxyObjective), [
        "F̄, the proxy that is trained",
        "On the same pairs, student against teacher. Equal to Ē where the teacher is the student.",
    ]),
    entry("relative-error", Group::Objective, log("relative error"), Content::Column(Column::RelativeError), [
        "Relative error of the prediction",
        "Squared error over the variance of the target: Ē without its scale. 1 is what a constant prediction reaches.",
    ]),
    entry("knn-accuracy", Group::Quality, ACCURACY, Content::Probe(Column::KnnAccuracy, "knn"), [
        "kNN accuracy",
        "Of the frozen encoder, on the validation part.",
    ]),
    entry("linear-accuracy", Group::Quality, ACCURACY, Content::Probe(Column::LinearAccuracy, "linear"), [
        "Linear probe accuracy",
        "Of the frozen encoder, on the validation part.",
    ]),
    entry("accuracy-against-objective", Group::Quality, log("Ē"), Content::Path(Column::JointObjective), [
        "Accuracy against Ē",
        "A path a run, from its start (ring) to its end (dot). If a lower Ē meant a better encoder, every path would \
         climb to the left.",
    ]),
    entry("accuracy-against-relative-error", Group::Quality, log("relative \
           error"), Content::Path(Column::RelativeError), [
        "Accuracy against relative error",
        "The same against the measure that does not shrink with the embedding.",
    ]),
    close_up("accuracy-against-objective-close", Group::Quality, log("Ē"), Content::Path(Column::JointObjective), [
        "Accuracy against Ē, collapsed runs left out",
        "The same for the runs that did not collapse completely. A path that climbs to the right gets better while Ē \
         rises.",
    ]),
    close_up("accuracy-against-relative-error-close", Group::Quality, log("relative \
              error"), Content::Path(Column::RelativeError), [
        "Accuracy against relative error, collapsed runs left out",
        "The same for the runs that did not collapse completely.",
    ]),
    entry("encoder-effective-rank", Group::Representation, linear("effective \
           rank"), Content::Column(Column::StudentEncoderEffectiveRank), [
        "Effective rank, encoder",
        "How many directions the student's representation uses.",
    ]),
    entry("encoder-spectrum", Group::Representation, log("eigenvalue"), Content::Spectrum("student_encoder"), [
        "Spectrum, encoder",
        "Covariance eigenvalues at the last step; in light the first. A cliff is a lost dimension.",
    ]),
    entry("projector-effective-rank", Group::Representation, linear("effective \
           rank"), Content::Column(Column::StudentProjectorEffectiveRank), [
        "Effective rank, projector",
        "The same in the space in which the loss is taken.",
    ]),
    entry("projector-spectrum", Group::Representation, log("eigenvalue"), Content::Spectrum("student_projector"), [
        "Spectrum, projector",
        "The same in the space in which the loss is taken.",
    ]),
    entry("descent-cosine", Group::Motion, linear("cosine"), Content::Column(Column::DescentCosine), [
        "Does the field point down Ē?",
        "Cosine of the field and −∇Ē on the same batch: 1 is descent of Ē, 0 is sideways, below 0 is uphill.",
    ]),
    entry("student-increment", Group::Motion, log("step length / rate"), Content::PerRate(Column::StudentIncrement), [
        "How fast the student moves",
        "Length of one step over the learning rate, encoder and projector. A run that converges goes to 0; one in a \
         noise ball levels off.",
    ]),
    entry("predictor-increment", Group::Motion, log("step length / \
           rate"), Content::PerRate(Column::PredictorIncrement), [
        "How fast the predictor moves",
        "The same for the predictor.",
    ]),
    entry("teacher-increment", Group::Motion, log("step length / rate"), Content::PerRate(Column::TeacherIncrement), [
        "How fast the teacher moves",
        "The same for the teacher, over the student's learning rate.",
    ]),
    entry("teacher-lag", Group::Motion, linear("teacher lag"), Content::Column(Column::TeacherLag), [
        "How far the teacher is behind",
        "|ξ − θ| / |θ|; runs without a teacher of their own are left out.",
    ]),
    entry("balance-gap", Group::Motion, log("balance gap"), Content::Column(Column::BalanceGap), [
        "The balance law",
        "|AAᵀ − BᵀB| of linear networks, which the flow of sg and ema shrinks as exp(−2λt), whatever the data.",
    ]),
];
