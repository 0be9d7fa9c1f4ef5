//! What holds of every picture and page, and a picture of each kind.

use super::*;

/// Panics unless tags nest, attributes are quoted and `&` starts an entity.
pub(crate) fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "bare > in {text}");
        for piece in text.split('&').skip(1) {
            let entity = piece.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&entity), "bad entity {entity}");
        }
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag}");
        assert!(!tag.contains('<'), "nested < in {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "unclosed {open:?}");
}

/// Panics unless every kind of element that has to be closed is.
pub(crate) fn assert_balanced(html: &str) {
    for tag in [
        "section",
        "table",
        "thead",
        "tbody",
        "tr",
        "td",
        "th",
        "details",
        "summary",
        "dl",
        "dt",
        "dd",
        "div",
        "figure",
        "figcaption",
        "svg",
        "g",
        "text",
        "title",
        "span",
        "p",
        "ul",
        "li",
        "b",
        "code",
        "pre",
        "header",
        "main",
    ] {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

/// Panics when a page asks for anything outside itself, or runs anything.
pub(crate) fn assert_self_contained(html: &str) {
    let html = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for word in ["http://", "https://", "<script", "<link", "<img", "@import", "url(", " onload", "javascript:"] {
        assert!(!html.contains(word), "{word}");
    }
    // What is linked is a figure beside the page; what is shown is in the page.
    for target in html.split(" href=\"").skip(1) {
        assert!(target.starts_with("figures/") || target.starts_with("data:image/png;base64,"), "{}", &target[..40]);
    }
}

/// One picture of each kind, with these words wherever words go, and values that are hard to draw.
pub(crate) fn examples(words: &str) -> Vec<Picture> {
    vec![
        Picture::of("line", words, words, &lines(words)),
        Picture::of("spectrum", words, words, &spectrum(words, Boundary::ImaginaryAxis)),
        Picture::of("multipliers", words, words, &spectrum(words, Boundary::UnitCircle)),
        Picture::of("stems", words, words, &stems(words, 12)),
        Picture::of("many-stems", words, words, &stems(words, 300)),
        Picture::of("points", words, words, &points(words)),
        Picture::of("survival", words, words, &survival(words, 16)),
        Picture::of("many-modes", words, words, &survival(words, 500)),
        Picture::of("outcomes", words, words, &outcomes(words)),
        Picture::of("levels", words, words, &levels(words)),
        Picture::of("scatter", words, words, &scatter(words, 14)),
        Picture::of("one-class", words, words, &scatter(words, 0)),
        Picture::of("strip", words, words, &strip(words, true)),
        Picture::of("words", words, words, &strip(words, false)),
        Picture::of("branches", words, words, &branches(words)),
        Picture::of("orbits", words, words, &orbits(words)),
    ]
}

pub(crate) fn lines(words: &str) -> LineChart<'_> {
    let decay = |rate: f64| (0..50).map(|k| [f64::from(k), (-rate * f64::from(k)).exp()]).collect::<Vec<_>>();
    let mut broken = decay(0.3);
    broken[20][1] = f64::NAN;
    broken[40][1] = f64::INFINITY;
    let lines =
        vec![Line::new(words, 0, decay(0.1)), Line::new("sg", 1, broken), Line::new("ema", 2, vec![[3.0, 0.0]])];
    let mut chart = LineChart::new(Axis::linear(words), Axis::log("Ē"), ["time", "objective"], lines);
    chart.references.push(Reference { name: words.into(), y: 0.01 });
    chart.markers.push(Marker { name: words.into(), x: 10.0 });
    chart.markers.push(Marker { name: "λ_crit".into(), x: 11.0 });
    chart
}

pub(crate) fn spectrum(words: &str, boundary: Boundary) -> SpectrumChart {
    let shift = if boundary == Boundary::UnitCircle { 0.9 } else { 0.0 };
    let turn = |k: usize| (k as f64 * 0.7, 0.02 * (k % 9) as f64 - 0.14);
    let values = (0..40).map(|k| (turn(k), k)).map(|((angle, re), _)| [re + shift, 0.3 * angle.sin()]).collect();
    let clouds = vec![
        Cloud { name: words.into(), slot: 1, values },
        Cloud { name: "ema".into(), slot: 2, values: vec![[shift - 0.05, f64::NAN], [shift - 0.05, 0.1]] },
    ];
    SpectrumChart { clouds, orbit: vec![[shift, 1e-17], [shift, 0.0]], boundary }
}

pub(crate) fn stems(words: &str, count: usize) -> StemChart<'_> {
    let values = |rate: f64| (0..count).map(|k| (-rate * k as f64 * 12.0 / count as f64).exp()).collect::<Vec<_>>();
    let mut outcome = values(0.55);
    outcome[count / 2] = f64::NAN;
    outcome[count - 1] = 0.0;
    let series = vec![
        Stems { name: words.into(), slot: 6, hollow: true, values: values(0.5) },
        Stems { name: "outcome".into(), slot: 1, hollow: false, values: outcome },
    ];
    StemChart { index: "index", y: Axis::log(words), series }
}

pub(crate) fn points(words: &str) -> PointChart<'_> {
    let value = |k: usize| [(1.0 - 0.2 * k as f64).exp(), 0.3 * (-0.7 * k as f64).exp()];
    let mut signal: Vec<[f64; 2]> = (0..9).map(value).collect();
    signal[3][0] = f64::INFINITY;
    let noise = (9..20).map(value).chain([[0.0, 1e-3], [0.5, f64::NAN]]).collect();
    PointChart {
        x: Axis::log(words),
        y: Axis::log("dies at λ"),
        groups: vec![
            Points { name: "noise".into(), slot: None, values: noise },
            Points { name: words.into(), slot: Some(1), values: signal },
        ],
        references: vec![Reference { name: words.into(), y: 0.01 }],
        markers: vec![Marker { name: words.into(), x: 0.5 }],
        columns: ["noise_sigma", "critical_weight_decay"],
    }
}

pub(crate) fn survival(words: &str, count: usize) -> SurvivalChart {
    let mode = |index: usize| Mode {
        index,
        critical: if index + 1 == count { f64::NAN } else { 0.3 * (-9.0 * index as f64 / count as f64).exp() },
        exact: !index.is_multiple_of(3),
        noise: index > count / 2,
    };
    let marker = |name: &str, x: f64| Marker { name: name.into(), x };
    SurvivalChart { modes: (0..count).map(mode).collect(), markers: vec![marker(words, 0.01), marker("λ_crit", 3e-4)] }
}

pub(crate) fn outcomes(words: &str) -> OutcomeChart {
    let bar = |label: &str, count: usize, published: Option<f64>| {
        let share = count as f64 / 1000.0;
        let half = 2.0 * (share * (1.0 - share) / 1000.0).sqrt() + 0.002;
        Bar { label: label.into(), count, interval: [(share - half).max(0.0), (share + half).min(1.0)], published }
    };
    let group = |name: &str, slot: usize, bars: Vec<Bar>| OutcomeGroup { name: name.into(), slot, trials: 1000, bars };
    OutcomeChart {
        groups: vec![
            group(
                "ema",
                2,
                vec![bar("outer", 928, Some(0.928)), bar("origin", 72, Some(0.072)), bar("inner", 0, None)],
            ),
            group(words, 1, vec![bar("outer", 792, Some(0.82)), bar(words, 208, Some(0.18))]),
        ],
    }
}

pub(crate) fn scatter(words: &str, classes: usize) -> ScatterChart<'_> {
    let spot = |k: usize| {
        let (turn, class) = (k as f64 * 0.4, (k * 5) % classes.max(1));
        let at = [0.3 * turn.cos() * (1.0 + class as f64), if k == 9 { f64::NAN } else { turn.sin() }];
        Spot { sample: 3 * k, class: (classes > 0).then_some(class), label: words.into(), at }
    };
    ScatterChart {
        x: Axis::linear(words),
        y: Axis::linear("component 2"),
        range: [[-4.0, 4.0], [-1.0, 1.0]],
        classes: (0..classes.min(CLASS_COLORS)).map(|class| format!("{words} {class}")).collect(),
        rest: (classes > 0).then(|| words.to_owned()),
        spots: (0..80).map(spot).collect(),
    }
}

pub(crate) fn strip(words: &str, pictured: bool) -> StripChart<'_> {
    let tile = |k: usize| Tile { png: vec![k as u8; 20 + k], size: [8, 8] };
    let cell = |k: usize| StripCell {
        tile: pictured.then(|| tile(k)),
        words: words.into(),
        tooltip: words.into(),
        standing: if k % 3 == 2 { Standing::Wrong } else { Standing::Plain },
    };
    StripChart {
        described: words,
        groups: &[("sample", 1), ("nearest", 5)],
        rows: (2..7).map(|count| (0..count).map(cell).collect()).collect(),
        header: &["sample", "class"],
        records: (0..6).map(|k| vec![k.to_string(), words.to_owned()]).collect(),
    }
}

pub(crate) fn branches(words: &str) -> BranchChart<'_> {
    let station = |k: u32, sign: f64| {
        let x = 10_f64.powf(-4.0 + 0.1 * f64::from(k));
        let size = (1.0 + sign * (1.0 - x / 0.1).max(0.0).sqrt()).powi(2);
        Station { at: [x, if k == 7 { f64::NAN } else { size }], stable: sign > 0.0 && k < 25, open: k == 30 }
    };
    let trace = |id: usize, rank: usize, sign: f64| Trace {
        id,
        rank,
        stations: (0..=30).map(|k| station(k, sign)).collect(),
        cycle: id == 3,
    };
    let origin = [1e-4, 0.1].map(|x| Station { at: [x, 0.0], stable: true, open: false });
    let place = |kind: Happening, x: f64| Place { kind, rank: 1, at: [x, 1.0] };
    BranchChart {
        x: Axis::log(words),
        y: Axis::log("|S|"),
        traces: vec![
            Trace { id: 0, rank: 0, stations: origin.to_vec(), cycle: false },
            trace(1, 1, 1.0),
            trace(2, 1, -1.0),
            trace(3, 2, 0.5),
        ],
        places: vec![place(Happening::Fold, 0.1), place(Happening::Branch, 0.02), place(Happening::Hopf, 0.01)],
        markers: vec![Marker { name: words.into(), x: 0.05 }],
        columns: ["weight_decay", "s_norm"],
    }
}

pub(crate) fn orbits(words: &str) -> OrbitChart<'_> {
    let circle = |radius: f64, rank: usize, stable: bool| OrbitCurve {
        rank,
        stable,
        filled: rank > 1,
        points: (0..=64)
            .map(|k| f64::from(k) * std::f64::consts::TAU / 64.0)
            .map(|t| [radius * t.cos(), t.sin()])
            .collect(),
    };
    let origin = OrbitCurve { rank: 0, stable: true, filled: false, points: vec![[0.0, 0.0]] };
    OrbitChart {
        x: Axis::linear(words),
        y: Axis::linear("second input"),
        curves: vec![circle(2.0, 2, true), circle(0.5, 1, false), origin],
    }
}

pub(crate) fn levels(words: &str) -> LevelChart<'_> {
    let f = |x: f64, y: f64| 0.5 * x * x * (y * y - 1.6 * y + 1.0) + 0.025 * (x * x + y * y);
    let grid = Grid::sample([-1.0, 1.3], [-0.6, 1.2], [61, 51], f);
    let slope = Grid::sample(grid.x, grid.y, [61, 51], |x, y| x * x * (y - 0.8) + 0.05 * y);
    let spiral = |k: u32| (f64::from(k) * 0.1, 1.2 - 0.01 * f64::from(k));
    let path = (0..120).map(spiral).map(|(turn, reach)| [reach * turn.cos(), reach * turn.sin()]).collect();
    let mark = |name: &str, kind: MarkKind, at: [f64; 2]| Mark { name: name.into(), meaning: words.into(), kind, at };
    let marks = vec![
        mark("C", MarkKind::Collapse, [0.0, 0.0]),
        mark("B", MarkKind::Minimum, [0.6, -0.3]),
        mark("A", MarkKind::Attracting, [0.73, 0.73]),
        mark("", MarkKind::Saddle, [0.07, 0.07]),
        mark(words, MarkKind::State, [9.0, 9.0]),
    ];
    let curves = vec![Curve::trajectory(words, 1, path), Curve::zero_of("dψ/dt = 0", 6, &slope)];
    LevelChart { x: Axis::linear("θ"), y: Axis::linear(words), height: "Ē", grid, levels: Vec::new(), curves, marks }
}
