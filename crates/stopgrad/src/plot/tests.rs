//! What holds of every kind of chart, and of each: the numbers given are those written, and drawn in their order.

use super::testing::*;
use super::*;

/// The rows of a CSV below its header.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn number_of(cell: &str) -> f64 {
    if cell.is_empty() { f64::NAN } else { cell.parse().unwrap() }
}

fn same(cell: &str, value: f64) -> bool {
    number_of(cell).to_bits() == value.to_bits() || (cell.is_empty() && value.is_nan())
}

/// The values of an attribute of the elements with this class, in order.
fn attributes(svg: &str, class: &str, name: &str) -> Vec<f64> {
    let tags = svg.split('<').filter(|tag| tag.contains(&format!("class=\"{class}\"")));
    let value = |tag: &str| tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.parse().ok();
    tags.filter_map(value).collect()
}

#[test]
fn every_picture_is_well_formed_finite_and_small() {
    for picture in examples("noise") {
        assert_well_formed(&picture.svg);
        for word in ["NaN", "inf", "∞"] {
            assert!(!picture.svg.contains(word), "{word} in {}", picture.id);
        }
        assert!(picture.svg.len() < 60_000, "{}: {}", picture.id, picture.svg.len());
        assert!(rows(&picture.csv).len() > 4, "{}", picture.id);
        assert!(picture.id.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'));
    }
}

#[test]
fn hostile_words_are_text() {
    for picture in examples("</svg><script>alert(\"&\")</script>") {
        assert_well_formed(&picture.svg);
        assert!(!picture.svg.contains("<script"), "{}", picture.id);
    }
}

#[test]
fn a_file_of_its_own_carries_its_style() {
    for picture in examples("noise") {
        let file = picture.to_svg_file();
        assert!(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && file.contains("<style>"));
    }
    assert!(!STYLE.contains('<') && !STYLE.contains('&'));
}

#[test]
fn nothing_is_drawn_of_nothing() {
    let level = LevelChart { curves: Vec::new(), marks: Vec::new(), ..levels("θ") };
    let flat = Grid { values: vec![f64::NAN; level.grid.values.len()], ..level.grid.clone() };
    for svg in [
        LineChart { lines: Vec::new(), markers: Vec::new(), ..lines("x") }.draw().svg,
        SpectrumChart { clouds: Vec::new(), orbit: Vec::new(), boundary: Boundary::ImaginaryAxis }.draw().svg,
        StemChart { series: Vec::new(), ..stems("x", 3) }.draw().svg,
        PointChart { groups: Vec::new(), ..points("x") }.draw().svg,
        SurvivalChart { modes: Vec::new(), markers: Vec::new() }.draw().svg,
        OutcomeChart { groups: Vec::new() }.draw().svg,
        LevelChart { grid: flat, ..level }.draw().svg,
        ScatterChart { spots: Vec::new(), range: [[0.0; 2]; 2], ..scatter("x", 3) }.draw().svg,
        StripChart { rows: Vec::new(), ..strip("x", true) }.draw().svg,
        BranchChart { traces: Vec::new(), places: Vec::new(), markers: Vec::new(), ..branches("x") }.draw().svg,
        OrbitChart { curves: Vec::new(), ..orbits("x") }.draw().svg,
    ] {
        assert_well_formed(&svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn lines_are_written_as_given_with_references_and_markers() {
    let chart = lines("noise");
    let written = rows(&chart.csv());
    let points = chart.lines.iter().flat_map(|line| line.points.iter().map(|point| (&line.name, point)));
    for (row, (name, [x, y])) in written.iter().zip(points.clone()) {
        assert!(row[0] == **name && same(&row[1], *x) && same(&row[2], *y), "{row:?}");
    }
    let rest = &written[points.count()..];
    assert_eq!(rest, [["noise", "", "0.01"], ["noise", "10", ""], ["λ_crit", "11", ""]]);
    let markers = chart.draw().svg.matches("class=\"marker\"").count();
    assert_eq!(markers, 2);
}

#[test]
fn eigenvalues_are_written_as_given_and_drawn_in_their_order() {
    let chart = spectrum("noise", Boundary::ImaginaryAxis);
    let written = rows(&chart.csv());
    for (row, [re, im]) in written.iter().zip(chart.clouds.iter().flat_map(|cloud| &cloud.values)) {
        assert!(row[1] == "transversal" && same(&row[2], *re) && same(&row[3], *im));
    }
    assert_eq!(written.iter().filter(|row| row[1] == "orbit").count(), 2);
    let one = SpectrumChart {
        clouds: vec![Cloud { name: "sg".into(), slot: 1, values: vec![[-3.0, -1.0], [-1.0, 0.0], [0.5, 2.0]] }],
        orbit: vec![[0.0, 0.0]],
        ..chart
    };
    let svg = one.draw().svg;
    let (x, y) = (attributes(&svg, "point", "cx"), attributes(&svg, "point", "cy"));
    assert!(x.is_sorted() && y.is_sorted_by(|a, b| a > b) && x.len() == 3);
    let ring = attributes(&svg, "hollow", "cx");
    let line: f64 = svg.split("class=\"boundary\" d=\"M").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    // The legend has a ring of its own.
    assert!((ring[1] - line).abs() < 0.11 && x[1] < line && line < x[2], "{ring:?} {line} {x:?}");
}

#[test]
fn the_unit_circle_is_round_in_its_values() {
    let cloud = Cloud { name: "sg".into(), slot: 1, values: vec![[1.2, 1.2], [-1.2, -1.2]] };
    let svg = SpectrumChart { clouds: vec![cloud], orbit: Vec::new(), boundary: Boundary::UnitCircle }.draw().svg;
    assert_eq!(svg.matches("class=\"boundary\"").count(), 2);
}

#[test]
fn stems_are_written_as_given_and_as_high_as_their_values() {
    let chart = stems("eigenvalue", 12);
    let written = rows(&chart.csv());
    let given = chart.series.iter().flat_map(|series| series.values.iter().enumerate());
    for (row, (place, value)) in written.iter().zip(given) {
        assert!(row[1] == (place + 1).to_string() && same(&row[2], *value), "{row:?}");
    }
    assert_eq!(written.len(), 24);
    let svg = chart.draw().svg;
    let (predicted, measured) = (attributes(&svg, "hollow", "cy"), attributes(&svg, "point", "cy"));
    // The prediction decays; lower values stand lower, at larger y; its ring in the legend comes first.
    assert!(predicted[1..].is_sorted() && predicted.len() == 13);
    assert_eq!(measured.len(), 11, "a missing value has no stem");
    assert!(chart.draw().note.is_some_and(|note| note.contains("lower edge")));
    assert_eq!(stems("eigenvalue", 300).draw().svg.matches("class=\"stem\"").count(), 0);
}

#[test]
fn points_are_written_as_given_and_stand_in_their_order() {
    let chart = points("σ");
    let written = rows(&chart.csv());
    let given = chart.groups.iter().flat_map(|group| group.values.iter().map(|point| (&group.name, point)));
    for (row, (name, [x, y])) in written.iter().zip(given.clone()) {
        let sigma = if row[1] == "inf" { f64::INFINITY } else { number_of(&row[1]) };
        assert!(row[0] == **name && sigma.to_bits() == x.to_bits() && same(&row[2], *y), "{row:?}");
    }
    assert_eq!(&written[given.count()..], [["σ", "", "0.01"], ["σ", "0.5", ""]]);
    let drawing = chart.draw();
    let (x, y) = (attributes(&drawing.svg, "point", "cx"), attributes(&drawing.svg, "point", "cy"));
    // 11 and one at the left edge, then 8: the group named last is on top; larger values stand to the right and higher.
    assert_eq!(x.len(), 20);
    assert!(x[12..].is_sorted_by(|a, b| a > b) && y[12..].is_sorted(), "{x:?} {y:?}");
    assert!(x[12..].iter().all(|px| *px > x[0]) && y[12..].iter().all(|py| *py < y[0]));
    let note = drawing.note.expect("clipped and left out");
    assert!(note.contains("left edge") && note.contains("2 without a finite value"), "{note}");
}

#[test]
fn modes_die_where_they_are_said_to() {
    let chart = survival("λ", 16);
    let written = rows(&chart.csv());
    for (row, mode) in written.iter().zip(&chart.modes) {
        assert!(row[0] == mode.index.to_string() && same(&row[1], mode.critical));
        assert_eq!((row[2] == "exact", row[3] == "1"), (mode.exact, mode.noise));
    }
    assert_eq!(&written[16][..2], ["λ", "0.01"]);
    let drawing = chart.draw();
    // The ring of the legend comes first.
    for (class, legend) in [("point", 0), ("hollow", 1)] {
        let (x, y) = (attributes(&drawing.svg, class, "cx"), attributes(&drawing.svg, class, "cy"));
        let mut deaths: Vec<(f64, f64)> = y.into_iter().zip(x).skip(legend).collect();
        deaths.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(
            deaths.len() > 4 && deaths.is_sorted_by(|a, b| a.1 > b.1),
            "{class}: deeper down, smaller λ: {deaths:?}"
        );
    }
    assert!(drawing.note.is_some_and(|note| note.contains("1 that live at no weight decay")));
}

#[test]
fn outcome_bars_are_as_long_as_their_shares() {
    let chart = outcomes("sg");
    let written = rows(&chart.csv());
    assert_eq!(written.len(), 5);
    assert_eq!(&written[0][..5], ["ema", "outer", "928", "1000", "0.928"]);
    assert!(same(&written[0][7], 0.928) && written[2][7].is_empty());
    let svg = chart.draw().svg;
    let (lengths, shares) = (attributes(&svg, "bar", "width"), [0.928, 0.072, 0.0, 0.792, 0.208]);
    for (length, share) in lengths.iter().zip(shares) {
        assert!((length - share * lengths[0] / 0.928).abs() < 0.2, "{lengths:?}");
    }
    assert_eq!((svg.matches("class=\"whisker\"").count(), svg.matches("class=\"published\"").count()), (5, 4));
}

#[test]
fn level_curves_are_written_with_their_grid_curves_and_marks() {
    let chart = levels("ψ");
    let written = rows(&chart.csv());
    for (row, value) in written.iter().zip(&chart.grid.values) {
        assert!(row[0] == "grid" && same(&row[5], *value));
    }
    let (last, first) = (&written[61 * 51 - 1], &written[0]);
    assert!(same(&first[3], -1.0) && same(&first[4], -0.6) && same(&last[3], 1.3) && same(&last[4], 1.2));
    let trajectory: Vec<_> = written.iter().filter(|row| row[0] == "trajectory").collect();
    assert_eq!(trajectory.len(), 120);
    for (row, [x, y]) in trajectory.iter().zip(&chart.curves[0].pieces[0]) {
        assert!(same(&row[3], *x) && same(&row[4], *y));
    }
    let marks: Vec<&str> = written.iter().map(|row| row[0].as_str()).filter(|kind| *kind != "grid").collect();
    assert!(marks.ends_with(&["collapse", "minimum", "attracting", "saddle", "state"]));
}

#[test]
fn what_lies_outside_the_picture_is_not_drawn_at_its_edge() {
    let chart = levels("ψ");
    let svg = LevelChart { curves: Vec::new(), ..chart.clone() }.draw().svg;
    let legend = chart.marks.len() - 1;
    // Squares, diamonds and dots once in the legend and once in the picture; the state far outside only in the legend.
    assert_eq!(svg.matches("class=\"hollow\"").count(), 1, "{legend}");
    assert_eq!(svg.matches("class=\"letter\"").count(), 3);
}

#[test]
fn samples_are_written_as_given_and_stand_where_they_are_said_to() {
    let chart = scatter("noise", 14);
    let written = rows(&chart.csv());
    assert_eq!(written.len(), chart.spots.len());
    for (row, spot) in written.iter().zip(&chart.spots) {
        assert_eq!((&row[0], &row[1]), (&spot.sample.to_string(), &spot.label));
        assert!(same(&row[2], spot.at[0]) && same(&row[3], spot.at[1]));
    }
    let svg = chart.draw().svg;
    // Twelve classes in colors, two in gray; the sample without a place is nowhere.
    assert_eq!(svg.matches("class=\"sample\"").count(), 13);
    assert_eq!(svg.matches("class=\"muted\"").count(), 2);
    let drawn = svg.split("class=\"sample\" d=\"").skip(1).map(|path| path.split('"').next().unwrap());
    assert_eq!(drawn.map(|path| path.matches('M').count()).sum::<usize>(), chart.spots.len() - 1);
    // One unit on both axes: a circle stays one.
    let spot = |x: f64, y: f64| Spot { sample: 0, class: None, label: String::new(), at: [x, y] };
    let round = ScatterChart { spots: vec![spot(0.0, 0.0), spot(1.0, 0.0), spot(0.0, 1.0)], ..scatter("x", 0) };
    let svg = round.draw().svg;
    let path = svg.split("class=\"sample\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let at: Vec<Vec<f64>> = path
        .split('M')
        .skip(1)
        .map(|sign| sign.split('a').next().unwrap().split(' ').map(|number| number.parse().unwrap()).collect())
        .collect();
    // Pixels are written to a tenth.
    assert!((at[1][0] - at[0][0] - (at[0][1] - at[2][1])).abs() < 0.21, "{at:?}");
}

#[test]
fn what_is_wrong_is_marked_by_more_than_color() {
    let chart = strip("noise", true);
    let svg = chart.draw().svg;
    let wrong = chart.rows.iter().flatten().filter(|cell| cell.standing == Standing::Wrong).count();
    assert!(wrong > 2);
    assert_eq!(svg.matches("✕ ").count(), wrong);
    assert_eq!(svg.matches("class=\"mistake\"").count(), wrong);
    assert_eq!(svg.matches("<image").count(), chart.rows.iter().map(Vec::len).sum::<usize>());
    assert!(!strip("noise", false).draw().svg.contains("<image"));
}

#[test]
fn branches_are_written_as_given_whole_where_they_attract_and_dashed_elsewhere() {
    let chart = branches("noise");
    let written = rows(&chart.csv());
    let points = chart.traces.iter().flat_map(|trace| trace.stations.iter().map(move |station| (trace, station)));
    let count = points.clone().count();
    for (row, (trace, station)) in written.iter().zip(points) {
        let kind = if trace.cycle { "cycle" } else { "point" };
        assert_eq!((&row[0][..], &row[1], &row[2]), (kind, &trace.id.to_string(), &trace.rank.to_string()));
        assert!(same(&row[3], station.at[0]) && same(&row[4], station.at[1]), "{row:?}");
        assert_eq!(
            row[5],
            if station.open {
                "open"
            } else if station.stable {
                "1"
            } else {
                "0"
            }
        );
    }
    let kinds: Vec<&str> = written[count..].iter().map(|row| &row[0][..]).collect();
    assert_eq!(kinds, ["fold", "branch", "hopf", "noise"]);
    // The attracting branch: whole to the hole, whole behind it, then dashed to the fold, whose station takes after it.
    let one = BranchChart { traces: vec![chart.traces[1].clone()], ..chart.clone() };
    let svg = one.draw().svg;
    let body = svg.split("<title>branch 1").nth(1).unwrap();
    let lines: Vec<&str> = body.split("<path class=\"").skip(1).map(|path| path.split('"').next().unwrap()).collect();
    assert_eq!(&lines[..3], ["line", "line", "line loose"]);
    assert!(chart.draw().note.is_some_and(|note| note.contains("lower edge")), "the origin on a logarithmic axis");
}

#[test]
fn orbits_are_round_in_their_unit_and_written_as_given() {
    let chart = orbits("noise");
    let written = rows(&chart.csv());
    let points = chart.curves.iter().flat_map(|curve| &curve.points);
    assert_eq!(written.len(), points.clone().count());
    for (row, [x, y]) in written.iter().zip(points) {
        assert!(same(&row[4], *x) && same(&row[5], *y));
    }
    let svg = chart.draw().svg;
    let ticks = attributes(&svg, "tick", "x");
    assert!(!ticks.is_empty() && svg.matches("class=\"fill\"").count() == 1);
    let path = svg.split("class=\"line loose\" d=\"M").nth(1).unwrap().split('"').next().unwrap();
    let spots: Vec<Vec<f64>> =
        path.split('L').map(|spot| spot.split(' ').map(|number| number.parse().unwrap()).collect()).collect();
    let width = |axis: usize| {
        let values = || spots.iter().map(|spot| spot[axis]);
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    };
    // Radius 0.5 across, 1 upwards.
    assert!((width(1) / width(0) - 2.0).abs() < 0.02, "{} {}", width(0), width(1));
}
