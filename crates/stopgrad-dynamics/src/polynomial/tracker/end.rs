//! Where a path ended: the point in its frame, and what can be asked of it.

use faer::c64;

use super::Path;
use crate::polynomial::block::Block;
use crate::polynomial::family::Family;
use crate::polynomial::frame::Frame;
use crate::polynomial::lanes::Lane;
use crate::polynomial::precise::Precise;
use crate::polynomial::vector::Vector;

/// Where a path ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PathEnd {
    pub(crate) state: PathState,
    /// The last accepted point, in its frame: at t = 1 if the path arrived.
    pub(crate) x: Vector<Precise>,
    pub(crate) frame: Frame,
    /// Steps accepted and rejected.
    pub(crate) steps: usize,
}

/// Imaginary parts of a frame, relative to the real ones, that are rounding.
const ROUNDING: f64 = 1e-9;
/// Steps to an end's own frame, each of a dozen gradient steps.
const OWN_FRAMES: usize = 40;
/// Distance, in the frame of one of two ends, below which they are the same: different ones differ by 1 there where
/// Newton's method converges.
const SAME: f64 = 1e-6;

impl PathEnd {
    /// The point in the coordinates of the line.
    pub(crate) fn point<F: Family>(&self, family: F) -> Vector<Precise> {
        family.moved(&self.x, &self.frame.inverse())
    }

    /// The matrix that it stands for.
    pub(crate) fn matrix<F: Family>(&self, family: F) -> Block<Precise> {
        self.frame.push(&family.matrix(&self.x))
    }

    /// A frame of the instance at t = 1 and the point in it.
    ///
    /// The frame of the path is as good, but no real one.
    pub(crate) fn in_own_frame<F: Family>(
        &self, family: F, instance: &F::Exact, limits: (f64, f64),
    ) -> (Block<c64>, Vector<c64>) {
        let size = self.frame.a.rows;
        let mut frame = Frame::identity(size);
        let mut x = self.point(family);
        for _ in 0..OWN_FRAMES {
            let segment: F::Segment<Precise> = family.segment([instance; 2], &frame);
            let Some(inner) = family.end_frame(&segment.at(1.0), &x, limits) else { break };
            // Parts that are rounding are left out: only in a real frame can a solution be proved real.
            let a = inner.a.map(Lane::rounded);
            let sizes =
                a.entries().iter().fold((0.0f64, 0.0f64), |(re, im), x| (re.max(x.re.abs()), im.max(x.im.abs())));
            let inner = if sizes.1 <= ROUNDING * sizes.0 { Frame::of(&a.map(|x| c64::new(x.re, 0.0))) } else { inner };
            x = family.moved(&x, &inner);
            frame = frame.then(&inner);
        }
        // The frame is exact once it is rounded; the point moves with it.
        let rounded = Frame::of(&frame.a.map(Lane::rounded));
        let last = Frame { a: frame.b.times(&rounded.a), b: rounded.b.times(&frame.a) };
        (frame.a.map(Lane::rounded), family.moved(&x, &last).map(Lane::rounded))
    }

    /// The end that a real instance has with this one.
    pub(crate) fn conjugate(&self) -> Self {
        let frame = Frame { a: self.frame.a.map(Precise::conjugate), b: self.frame.b.map(Precise::conjugate) };
        Self { x: self.x.map(Precise::conjugate), frame, ..*self }
    }

    /// Whether two ends are one solution.
    pub(crate) fn is_same<F: Family>(&self, other: &Self, family: F) -> bool {
        let (mine, theirs) = (self.matrix(family), other.matrix(family));
        let far = mine.minus(&theirs).largest();
        if far > 1e-3 * mine.largest() {
            return false;
        }
        let inside = family.matrix(&self.x);
        self.frame.pull(&theirs).minus(&inside).largest() <= SAME * inside.largest()
    }
}

/// How a path ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathState {
    /// At t = 1, at a solution where Newton's method converges.
    Arrived,
    /// The start is no solution, or not to the accuracy that the tracker needs.
    BadStart,
    /// It grew as a power of 1/(1 − t) over the last two decades of 1 − t that it came through.
    AtInfinity,
    /// It came to t = 1 within 10⁻⁹ without growing, but Newton's method does not settle there: others end there, too, or solutions
    /// are not isolated.
    SingularEnd,
    /// The step became too small before any of this showed.
    StepTooSmall,
    /// Out of steps.
    StepLimit,
    /// At t = 1, but Newton's method does not settle there.
    Inaccurate,
    /// The Jacobian could not be factored, or something was no number.
    Singular,
}
