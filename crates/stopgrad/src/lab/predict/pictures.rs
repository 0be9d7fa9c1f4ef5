//! Modes against weight decay, the spectrum, the noise.

use stopgrad_dynamics::survival::{ModeSurvival, SurvivalMethod};
use stopgrad_dynamics::{CriticalEstimate, Field};

use super::{View, is_noise, threshold};
use crate::markup::number;
use crate::plot::{
    Axis, Marker, Mode, Picture, PointChart, Points, Reference, StemChart, Stems, SurvivalChart, field_slot,
};

/// Ratio of the largest eigenvalue to the least beyond which they are drawn on a logarithmic axis.
const WIDE: f64 = 100.0;

impl View<'_> {
    /// Deaths, the spectrum of S, and where halves are known the noise of each mode, alone and beside its death.
    pub fn pictures(&self) -> Vec<Picture> {
        [Some(self.deaths()), self.spectrum(), self.noise_by_mode(), self.noise_by_death()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn deaths(&self) -> Picture {
        let mode = |mode: &ModeSurvival| Mode {
            index: mode.mode,
            critical: mode.critical_weight_decay,
            exact: mode.method == SurvivalMethod::Exact,
            noise: is_noise(mode),
        };
        let mut markers = vec![Marker { name: "λ".into(), x: self.weight_decay }];
        let critical = match self.prediction.critical_weight_decay {
            CriticalEstimate::Searched(found) => Some(found.fold.value),
            CriticalEstimate::DiagonalRule(_) => None,
        };
        markers.extend(critical.filter(|x| *x > 0.0).map(|x| Marker { name: "λ_crit".into(), x }));
        let chart = SurvivalChart { modes: self.prediction.survival.modes.iter().map(mode).collect(), markers };
        Picture::of(
            "modes",
            "Modes against weight decay",
            "Each mode lives from the left up to the λ at which it dies. What ends left of λ is lost; beyond λ_crit no \
             equilibrium keeps all.",
            &chart,
        )
    }

    fn spectrum(&self) -> Option<Picture> {
        let values = &self.prediction.s_eigenvalues;
        let (first, last) = (*values.first()?, *values.last()?);
        let axis = if last > 0.0 && first > WIDE * last { Axis::log } else { Axis::linear };
        let series = vec![Stems {
            name: format!("rank {}", self.prediction.rank),
            slot: field_slot(Field::StopGradient),
            hollow: false,
            values: values.clone(),
        }];
        let chart = StemChart { index: "index", y: axis("eigenvalue of S"), series };
        Some(Picture::of(
            "spectrum",
            "The spectrum of S at the equilibrium",
            "Eigenvalues of S = AᵀA, largest first: how strongly training is to keep each direction that lives.",
            &chart,
        ))
    }

    fn noise_by_mode(&self) -> Option<Picture> {
        let groups = self.groups(&|mode| [mode.mode as f64, mode.noise_sigma.unwrap_or(f64::NAN)])?;
        let chart = PointChart {
            x: Axis::linear("mode"),
            y: Axis::log("standard deviations above 0"),
            groups,
            references: vec![Reference { name: format!("noise ends at {}", number(threshold())), y: threshold() }],
            markers: Vec::new(),
            columns: ["mode", "noise_sigma"],
        };
        Some(Picture::of(
            "noise",
            "Which modes stand above the noise",
            "A mode is chosen in one half of the data and read in the other: what it carries there, in standard deviations of \
             what pure noise would carry.",
            &chart,
        ))
    }

    fn noise_by_death(&self) -> Option<Picture> {
        let groups = self.groups(&|mode| {
            let death = mode.critical_weight_decay;
            [mode.noise_sigma.unwrap_or(f64::NAN), if death > 0.0 { death } else { f64::NAN }]
        })?;
        let chart = PointChart {
            x: Axis::log("standard deviations above 0"),
            y: Axis::log("dies at weight decay"),
            groups,
            references: vec![Reference { name: "λ".into(), y: self.weight_decay }],
            markers: vec![Marker { name: "noise".into(), x: threshold() }],
            columns: ["noise_sigma", "critical_weight_decay"],
        };
        Some(Picture::of(
            "death-noise",
            "Death against noise",
            "A good weight decay keeps what is at the upper right and kills what is at the lower left. Below the line of λ \
             modes die, left of the dashed line they are noise.",
            &chart,
        ))
    }

    /// Modes within the noise and above it; none where the noise is not known.
    fn groups(&self, point: &dyn Fn(&ModeSurvival) -> [f64; 2]) -> Option<Vec<Points>> {
        let advice = &self.prediction.survival.recommendation;
        let modes = &self.prediction.survival.modes;
        let group = |name: &str, slot: Option<usize>, noise: bool| Points {
            name: name.into(),
            slot,
            values: modes.iter().filter(|mode| is_noise(mode) == noise).map(point).collect(),
        };
        advice.noise_known.then(|| {
            vec![
                group("not above the noise", None, true),
                group("above the noise", Some(field_slot(Field::StopGradient)), false),
            ]
        })
    }
}
