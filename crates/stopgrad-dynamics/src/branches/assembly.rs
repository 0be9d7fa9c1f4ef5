//! From curves to branches: cut where they turn, numbered, their events told.

use faer::Mat;

use super::curve::{Curve, Ending, Node, Special, relative_distance};
use super::family::Family;
use super::{Branch, BranchEnd, BranchParams, BranchPoint, Check, Diagram, EndKind, Event, EventKind};
use crate::Stability;

/// Two crossings this close in θ and in Σ are one event.
const ONE_EVENT: (f64, f64) = (1e-6, 1e-2);

/// A piece of a curve without turns, by rising θ.
struct Piece<'a> {
    curve: usize,
    rank: usize,
    nodes: Vec<&'a Node>,
    born: EndKind,
    dies: EndKind,
}

pub(super) fn assemble(
    family: &Family, params: &BranchParams, curves: &[Curve], checks: Vec<Check>, not_followed: Vec<(f64, usize)>,
) -> Diagram {
    let mut pieces: Vec<Piece<'_>> =
        curves.iter().enumerate().flat_map(|(number, curve)| pieces_of(number, curve)).collect();
    let key = |piece: &Piece<'_>| {
        let first = piece.nodes[0];
        (piece.rank, first.theta, -family.norm(&piece.nodes[piece.nodes.len() - 1].sigma))
    };
    pieces.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
    });
    // The origin is branch 0.
    let mut events = events_of(family, &pieces);
    events.sort_by(|a, b| a.parameter.total_cmp(&b.parameter).then(a.branches.cmp(&b.branches)));
    let mut branches = vec![origin(family, params)];
    branches.extend(pieces.iter().enumerate().map(|(at, piece)| branch(family, piece, at + 1, &events)));
    let steps = curves.iter().map(|curve| curve.steps).sum();
    Diagram { branches, events, checks, not_followed, steps }
}

/// S = 0: attracting at rate −λ (or slower teachers') everywhere.
fn origin(family: &Family, params: &BranchParams) -> Branch {
    let size = family.outward(&Mat::zeros(family.size(), family.size()));
    let (field, gamma) = params.flow;
    let point = |parameter: f64| {
        let decay = family.decay(family.followed(parameter));
        BranchPoint {
            parameter,
            s_norm: 0.0,
            s: size.clone(),
            stability: Stability::Attracting,
            unstable_dimensions: 0,
            leading_rate: if field.has_teacher() { -decay.min(gamma) } else { -decay },
            correction: 0.0,
        }
    };
    let end = |parameter: f64| BranchEnd { kind: EndKind::Range, parameter, event: None };
    let [low, high] = params.range;
    Branch { id: 0, curve: 0, rank: 0, points: vec![point(low), point(high)], born: end(low), dies: end(high) }
}

/// Whether the curve turns in θ here.
fn turns(node: &Node) -> bool {
    matches!(node.special, Some((Special::Fold | Special::Branch { turns: true }, _)))
}

fn pieces_of(number: usize, curve: &Curve) -> Vec<Piece<'_>> {
    let mut nodes: Vec<&Node> = curve.nodes.iter().collect();
    let closed = curve.ends[0] == Ending::Closed;
    if closed && let Some(first) = nodes.iter().position(|node| turns(node)) {
        // The last point is the first again; begin at a turn and end there.
        nodes.pop();
        nodes.rotate_left(first);
        nodes.push(nodes[0]);
    }
    let mut cuts: Vec<usize> = (0..nodes.len()).filter(|&at| turns(nodes[at])).collect();
    if cuts.first() != Some(&0) {
        cuts.insert(0, 0);
    }
    if cuts.last() != Some(&(nodes.len() - 1)) {
        cuts.push(nodes.len() - 1);
    }
    let kind_at = |at: usize, ending: Ending| match nodes[at].special {
        Some((Special::Fold, _)) => EndKind::Fold,
        Some((Special::Branch { turns: true }, _)) => EndKind::Branch,
        Some((Special::Branch { .. } | Special::Hopf { .. }, _)) | None => match ending {
            Ending::Range => EndKind::Range,
            Ending::Escape => EndKind::Escape,
            Ending::Closed | Ending::Stuck => EndKind::Lost,
            Ending::Budget => EndKind::Budget,
        },
    };
    let one_point = nodes.len() == 1;
    let cuts = if one_point { vec![0, 0] } else { cuts };
    cuts.windows(2)
        .map(|pair| {
            let mut kinds = [kind_at(pair[0], curve.ends[0]), kind_at(pair[1], curve.ends[1])];
            let mut inner: Vec<&Node> = nodes[pair[0]..=pair[1]].to_vec();
            if inner[0].theta > inner[inner.len() - 1].theta {
                inner.reverse();
                kinds.swap(0, 1);
            }
            Piece { curve: number + 1, rank: curve.rank, nodes: inner, born: kinds[0], dies: kinds[1] }
        })
        .collect()
}

fn events_of(family: &Family, pieces: &[Piece<'_>]) -> Vec<Event> {
    let mut events: Vec<(Event, &Node)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let id = at + 1;
        for node in piece.nodes.iter().copied() {
            let Some((special, width)) = node.special else { continue };
            let (kind, frequency) = match special {
                Special::Fold => (EventKind::Fold, None),
                Special::Branch { .. } => (EventKind::Branch, None),
                Special::Hopf { frequency } => (EventKind::Hopf, Some(frequency)),
            };
            // A fold is met from both sides, a crossing on every curve through it.
            let same = events.iter_mut().find(|(event, other)| {
                event.kind == kind
                    && event.rank == piece.rank
                    && (std::ptr::eq(*other, node)
                        || (kind == EventKind::Branch
                            && (other.theta - node.theta).abs() < ONE_EVENT.0
                            && relative_distance(&other.sigma, &node.sigma, piece.rank) < ONE_EVENT.1))
            });
            if let Some((event, _)) = same {
                if !event.branches.contains(&id) {
                    event.branches.push(id);
                }
                continue;
            }
            let event = Event {
                kind,
                parameter: family.shown(node.theta),
                uncertainty: width,
                rank: piece.rank,
                branches: vec![id],
                s: family.outward(&node.sigma),
                frequency,
            };
            events.push((event, node));
        }
        for (kind, node) in [(piece.born, piece.nodes[0]), (piece.dies, piece.nodes[piece.nodes.len() - 1])] {
            if kind == EndKind::Escape {
                let event = Event {
                    kind: EventKind::Escape,
                    parameter: family.shown(node.theta),
                    uncertainty: f64::INFINITY,
                    rank: piece.rank,
                    branches: vec![id],
                    s: family.outward(&node.sigma),
                    frequency: None,
                };
                events.push((event, node));
            }
        }
    }
    events.into_iter().map(|(event, _)| event).collect()
}

fn branch(family: &Family, piece: &Piece<'_>, id: usize, events: &[Event]) -> Branch {
    let points: Vec<BranchPoint> = piece.nodes.iter().map(|node| point(family, node)).collect();
    let end = |kind: EndKind, parameter: f64| {
        let event = events.iter().position(|event| {
            let ends = matches!(
                (kind, event.kind),
                (EndKind::Fold, EventKind::Fold)
                    | (EndKind::Branch, EventKind::Branch)
                    | (EndKind::Escape, EventKind::Escape)
            );
            ends && event.branches.contains(&id) && (event.parameter - parameter).abs() <= 1e-6 * parameter.abs()
        });
        BranchEnd { kind, parameter, event }
    };
    let (first, last) = (points[0].parameter, points[points.len() - 1].parameter);
    Branch {
        id,
        curve: piece.curve,
        rank: piece.rank,
        born: end(piece.born, first),
        dies: end(piece.dies, last),
        points,
    }
}

fn point(family: &Family, node: &Node) -> BranchPoint {
    BranchPoint {
        parameter: family.shown(node.theta),
        s_norm: family.norm(&node.sigma),
        s: family.outward(&node.sigma),
        stability: node.spectrum.stability,
        unstable_dimensions: node.spectrum.unstable_dimensions,
        leading_rate: node.spectrum.leading_rate,
        correction: node.correction,
    }
}
