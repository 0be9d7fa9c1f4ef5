//! A plane that the fields do not leave has the closed form of one weight each; others are told to be left.

use stopgrad_dynamics::Moments;
use stopgrad_dynamics::landscape::Landscape;

use super::*;
use crate::plot::testing::assert_well_formed;

/// Two modes, n = 1: a = (a₁, a₂), b. ρ = σ = 1, τ = 0.8 and 0.6.
fn fields() -> [LinearField; 3] {
    let one = faer::mat![[1.0, 0.0], [0.0, 1.0]];
    let moments = Moments::new(one.clone(), faer::mat![[0.8, 0.0], [0.0, 0.6]], Some(one)).expect("moments");
    Field::ALL.map(|field| LinearField::new(field, moments.clone(), 1, 0.05).expect("a field"))
}

fn view(states: [(&str, [f64; 3]); 3], start: Option<[f64; 2]>) -> View {
    let plane = Plane::through(states.each_ref().map(|(_, state)| &state[..])).expect("a plane");
    let named = states.map(|(name, [a1, a2, b])| Named {
        name: name.into(),
        student: vec![a1, a2, b],
        with_teacher: vec![a1, a2, b, a1, a2],
    });
    View::new(plane, named, fields(), start)
}

/// Of the first mode alone.
fn limit() -> f64 {
    0.4 + 0.11_f64.sqrt()
}

fn closed_form() -> View {
    let r = limit();
    view([("C", [0.0; 3]), ("along", [1.0, 0.0, 0.0]), ("A", [r, 0.0, r])], Some([0.9, 0.4]))
}

#[test]
fn in_the_plane_of_one_mode_everything_is_that_of_one_weight_each() {
    let view = closed_form();
    let landscape = Landscape::new(1.0, 0.8, 1.0, 0.05).expect("real pairs");
    let r = limit();
    let document = view.document();
    let number = |value: &Value| value.as_f64().expect("a number");
    let points = &document["points"];
    // The first axis is a, the second b.
    assert!((number(&points["A"]["coordinates"][0]) - r).abs() < 1e-14);
    assert!((number(&points["A"]["coordinates"][1]) - r).abs() < 1e-14);
    for (name, at) in [("C", [0.0, 0.0]), ("along", [1.0, 0.0]), ("A", [r, r])] {
        let expected = landscape.objective(at[0], at[1]);
        assert!((number(&points[name]["objective"]) - expected).abs() < 1e-14, "{name}");
        assert_eq!(points[name]["objective"], points[name]["proxy_objective"], "its teacher is its student");
    }
    assert!(number(&points["A"]["relative_residual"]) < 1e-12);
    assert_eq!(points["A"]["fields"]["sg"]["off_plane"], Value::Null);
    assert!(number(&points["A"]["fields"]["joint"]["off_plane"]) < 1e-12);
    assert_eq!(
        (number(&document["collapse"]["distance"]), document["minima"].as_array().map(Vec::len)),
        (0.0, Some(1))
    );
    for (path, end) in document["paths"].as_array().expect("paths").iter().zip([0.0, r, r]) {
        assert_eq!(path["settled"], true);
        assert!((number(&path["end"]["coordinates"][0]) - end).abs() < 1e-3, "{path}");
        assert!(number(&path["end"]["distance"]) < 1e-9);
    }
}

#[test]
fn the_sentences_name_the_states_and_say_what_is_not_seen() {
    let said = closed_form().findings().join(" ");
    for words in [
        "0.124 at A; its minimum, 0, is the collapse, which lies in the plane at (0, 0).",
        "has one minimum: 0 at (0, 0).",
        "State C is the collapse, where every field rests.",
        "At state A, sg and ema rest; the plane does not show 0.0\u{a0}% of joint's direction.",
        "From (0.900, 0.400), joint comes to rest over",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // Through states of both modes: the fields lead out.
    let view = view([("one", [1.0, 0.2, 0.5]), ("two", [0.3, 0.9, 0.5]), ("three", [0.1, 0.1, 0.9])], None);
    let said = view.findings().join(" ");
    for words in
        ["away from the plane, over", "At state one, no field rests", "From the mean of the three, ema comes to rest"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let rows = &view.tables()[0].rows;
    assert!(rows.len() == 3 && rows.iter().all(|row| row.len() == 9 && row[6].ends_with('%')), "{rows:?}");
}

#[test]
fn pictures_show_states_minima_and_trajectories_with_their_numbers() {
    let pictures = closed_form().pictures();
    let ids: Vec<&str> = pictures.iter().map(|picture| picture.id.as_str()).collect();
    assert_eq!(ids, ["plane", "distance"]);
    for picture in &pictures {
        assert_well_formed(&picture.svg);
        assert!(!picture.svg.contains("NaN") && picture.svg.len() < 120_000, "{}", picture.svg.len());
    }
    let kinds = |kind: &str| pictures[0].csv.lines().filter(|line| line.starts_with(&format!("{kind},"))).count();
    // The three, and the start.
    assert_eq!((kinds("state"), kinds("minimum"), kinds("grid")), (4, 1, POINTS * POINTS));
    assert!(kinds("trajectory") > 60);
}

#[test]
fn long_names_are_cut_in_the_picture_only() {
    let long = "the-end-of-a-very-long-run";
    let view = view([("C", [0.0; 3]), (long, [1.0, 0.0, 0.0]), ("A", [0.7, 0.0, 0.7])], None);
    assert!(view.title().contains(long) && !view.pictures()[0].svg.contains(long));
    assert_eq!(shortened(long).chars().count(), 16);
}

#[test]
fn of_a_large_network_trajectories_are_left_out_and_it_is_said() {
    let size = 150;
    let one = faer::Mat::from_fn(size, size, |i, j| if i == j { 1.0 } else { 0.0 });
    let half = faer::Mat::from_fn(size, size, |i, j| if i == j { 0.5 } else { 0.0 });
    let moments = Moments::new(one.clone(), half, Some(one)).expect("moments");
    let fields = Field::ALL.map(|field| LinearField::new(field, moments.clone(), size, 0.05).expect("a field"));
    let state = |place: usize| (0..2 * size * size).map(|k| f64::from(u8::from(k == place))).collect::<Vec<f64>>();
    let students = [0, 1, 2].map(state);
    let plane = Plane::through(students.each_ref().map(Vec::as_slice)).expect("a plane");
    let named = students.map(|student| Named {
        name: "state".into(),
        with_teacher: [&student[..], &student[..size * size]].concat(),
        student,
    });
    let view = View::new(plane, named, fields, None);
    assert!(view.shadows.is_empty() && view.pictures().len() == 1);
    let said = view.findings().join(" ");
    assert!(said.contains("Trajectories are left out: with n = 150 and m = 150"), "{said}");
}
