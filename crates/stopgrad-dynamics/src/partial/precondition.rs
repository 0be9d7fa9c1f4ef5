//! What the linearised equilibrium equation is nearly: blocks, one inside the row space of P, one X-orthogonal to it.
//!
//! What couples them is of the order of λ (docs/theory.md, 3.11). Euclidean blocks would not do: a small tilt of a direction
//! of large variance couples strongly to the rows. Inside, the full-rank problem of the projected views is solved (σ = 0) or
//! the shifted one (σ > 0). Outside, the division of a round of regressions, bᵀb D X + λD, is enough where kept rows and modes
//! left out stay away from the fold; else each row is solved by itself.

use faer::{Mat, MatRef};

use super::factors::Point;
use super::inside::Inside;
use super::outside::Outside;
use super::projected::Projected;
use super::row_space::RowSpace;
use crate::Support;
use crate::linalg::{LinalgError, add_scaled, product, product_symmetric, symmetric_eigen};

/// An approximate inverse of the linearised equation with λ + σ in place of λ, at a point in the predictor's gauge.
pub(super) struct Preconditioner {
    space: RowSpace,
    within: Within,
    beyond: Beyond,
    /// λ + σ.
    decay: f64,
    /// To which blocks are solved.
    goal: f64,
}

enum Within {
    Riccati(Box<Inside>),
    Shifted(Box<Projected>),
}

enum Beyond {
    /// Eigenvectors of bᵀb, and (its eigenvalue) ρ + λ + σ: r × k.
    Division(Mat<f64>, Mat<f64>),
    Rows(Outside),
    /// The row space is everything.
    Nothing,
}

/// Blocks are solved this much better than the whole: to the whole they are then fixed maps.
const FINER: f64 = 0.1;

impl Preconditioner {
    /// For linear systems that are to be solved to `goal`; `hard`: rows outside are solved by themselves.
    ///
    /// # Errors      [`LinalgError`] when P is not finite
    /// # Cost        two r × r eigendecompositions, and one of k × k where `hard`
    pub(super) fn new(
        at: &Point, support: &Support, (decay, shift): (f64, f64), goal: f64, hard: bool,
    ) -> Result<Self, LinalgError> {
        let space = RowSpace::new(at, support)?;
        let finer = FINER * goal;
        let within = if shift == 0.0 {
            Within::Riccati(Box::new(Inside::new(&space, decay, finer)?))
        } else {
            Within::Shifted(Box::new(Projected::new(&space, (decay, shift), finer)?))
        };
        let beyond = beyond(at, &space, support, decay + shift, finer, hard)?;
        Ok(Self { space, within, beyond, decay: decay + shift, goal: finer })
    }

    /// Another treatment of what is outside, at the point and with the support it was made for.
    ///
    /// # Errors      [`LinalgError`] when P is not finite
    pub(super) fn treat_outside(&mut self, at: &Point, support: &Support, hard: bool) -> Result<(), LinalgError> {
        self.beyond = beyond(at, &self.space, support, self.decay, self.goal, hard)?;
        Ok(())
    }

    /// Whether some row is seen to turn; only where rows outside are solved by themselves.
    pub(super) fn would_turn(&self) -> bool {
        matches!(&self.beyond, Beyond::Rows(outside) if outside.would_turn())
    }

    /// # Shapes      image: r × k → r × k
    pub(super) fn solve(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let along = product(image, self.space.rows.transpose());
        let change = match &self.within {
            Within::Riccati(inside) => inside.solve(along.as_ref()),
            Within::Shifted(projected) => projected.solve(along.as_ref()),
        };
        let mut out = product(change.as_ref(), self.space.rows.as_ref());
        match &self.beyond {
            Beyond::Nothing => {}
            Beyond::Rows(outside) => add_scaled(&mut out, 1.0, outside.solve(image).as_ref()),
            Beyond::Division(turn, division) => {
                let mut rest = image.to_owned();
                add_scaled(
                    &mut rest,
                    -1.0,
                    product(self.space.divided(along).as_ref(), self.space.scaled.as_ref()).as_ref(),
                );
                let mut turned = product(turn.transpose(), rest.as_ref());
                for j in 0..turned.ncols() {
                    for i in 0..turned.nrows() {
                        turned[(i, j)] /= division[(i, j)];
                    }
                }
                let mut tilt = product(turn.as_ref(), turned.as_ref());
                self.space.leave(&mut tilt);
                add_scaled(&mut out, 1.0, tilt.as_ref());
            }
        }
        out
    }
}

fn beyond(
    at: &Point, space: &RowSpace, support: &Support, decay: f64, goal: f64, hard: bool,
) -> Result<Beyond, LinalgError> {
    let (r, k) = at.p.shape();
    if r == k {
        return Ok(Beyond::Nothing);
    }
    if hard {
        return Ok(Beyond::Rows(Outside::new(at, space, support, decay, goal)?));
    }
    let eigen = symmetric_eigen(product_symmetric(at.b.transpose(), at.b.as_ref()).as_ref())?;
    let division = Mat::from_fn(r, k, |i, j| eigen.values[i].max(0.0) * support.variances[j] + decay);
    Ok(Beyond::Division(eigen.vectors, division))
}
