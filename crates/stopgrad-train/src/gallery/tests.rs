//! The plane against what it must be; the file there, back, and damaged.

use super::*;

fn gallery() -> Gallery {
    let representations = vec![1.0, 0.0, 0.0, 2.0, -3.0, 0.0, 0.5, 0.5];
    Gallery {
        samples: vec![3, 5, 8, 13],
        labels: vec![Some(0), None, Some(1), Some(0)],
        classes: vec!["a".into(), "<b>\u{202e}".into()],
        width: 2,
        plane: Plane::of(&representations, 2),
        representations,
        queries: vec![2, 0],
        neighbors: vec![vec![Neighbor { cosine: 0.5, sample: 1 }], vec![Neighbor { cosine: -1.0, sample: 3 }]],
        pictures: Some(Pictures {
            channels: 3,
            height: 1,
            width: 2,
            of: vec![0, 1, 2, 3],
            bytes: (0..24).collect(),
            pairs: (100..136).collect(),
        }),
    }
}

#[test]
fn a_gallery_reads_back_with_and_without_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.npz");
    let whole = gallery();
    let rows = Gallery { pictures: None, ..whole.clone() };
    let diverged = Gallery { plane: None, neighbors: Vec::new(), ..whole.clone() };
    for written in [whole, rows, diverged] {
        written.write(&path).unwrap();
        assert_eq!(Gallery::read(&path).unwrap(), written);
    }
}

#[test]
fn pictures_are_found_by_place_and_pairs_by_query() {
    let gallery = gallery();
    let pictures = gallery.pictures.as_ref().unwrap();
    assert_eq!(pictures.find(1), Some(&[6, 7, 8, 9, 10, 11][..]));
    assert_eq!(pictures.find(4), None);
    let pair = pictures.pair(1).unwrap();
    assert_eq!((pair[0][0], pair[1][0], pair[2][0]), (118, 124, 130));
    assert!(pictures.pair(2).is_none());
    assert_eq!((gallery.class(1), gallery.class(3)), (None, Some("a")));
}

#[test]
fn damage_is_an_error_with_the_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery.npz");
    let refused = |change: fn(&mut Gallery)| {
        let mut changed = gallery();
        change(&mut changed);
        changed.write(&path).unwrap();
        Gallery::read(&path).unwrap_err().to_string()
    };
    for (message, array) in [
        (refused(|gallery| gallery.queries[0] = 4), "`queries`"),
        (refused(|gallery| gallery.neighbors[1][0].sample = 9), "`neighbors`"),
        (refused(|gallery| gallery.labels[0] = Some(7)), "`labels`"),
        (refused(|gallery| gallery.pictures.as_mut().unwrap().of[3] = 0), "`pictured`"),
    ] {
        assert!(message.contains(array) && message.contains("gallery.npz"), "{message}");
    }
    gallery().write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 1, bytes.len() / 3, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(Gallery::read(&path).is_err(), "{cut}");
    }
    for place in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        // Harmless where it is in a field that nothing is read from.
        if let Ok(read) = Gallery::read(&path) {
            assert_eq!(read, gallery(), "{place}");
        }
    }
}

#[test]
fn the_plane_is_that_of_the_directions() {
    // Four directions on two axes of different weight; lengths do not matter.
    let representations = [3.0, 4.0, 0.0, 3.0, -4.0, 0.0, 30.0, 40.0, 0.0, 0.3, -0.4, 0.0];
    let plane = Plane::of(&representations, 3).unwrap();
    // Directions (0.6, ±0.8): one axis, variance 0.64, nothing beside it but the rounding of f32.
    assert!((plane.shares[0] - 1.0).abs() < 1e-12 && plane.shares[1] < 1e-12, "{:?}", plane.shares);
    for point in &plane.points {
        assert!((point[0].abs() - 0.8).abs() < 1e-6 && point[1].abs() < 1e-6, "{point:?}");
    }
    assert!(plane.points[0][0] * plane.points[1][0] < 0.0);
    assert!((plane.points[0][0] - plane.points[2][0]).abs() < 1e-6);
}

#[test]
fn distances_in_a_plane_of_everything_are_distances_of_directions() {
    let angles: Vec<f32> = (0..7).map(|k| k as f32 * 0.8).collect();
    let representations: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
    let plane = Plane::of(&representations, 2).unwrap();
    assert!((plane.shares[0] + plane.shares[1] - 1.0).abs() < 1e-12);
    for (i, j) in [(0, 1), (2, 6), (3, 4)] {
        let chord = 2.0 * f64::from((angles[i] - angles[j]) / 2.0).sin().abs();
        let (p, q) = (plane.points[i], plane.points[j]);
        // Cosines and sines in f32.
        assert!(((p[0] - q[0]).hypot(p[1] - q[1]) - chord).abs() < 1e-6);
    }
}

#[test]
fn one_direction_is_one_point_and_what_is_not_finite_has_no_plane() {
    let plane = Plane::of(&[1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 2).unwrap();
    assert_eq!(plane, Plane { points: vec![[0.0; 2]; 3], shares: [0.0; 2] });
    assert_eq!(Plane::of(&[0.0; 6], 3).unwrap().points, [[0.0; 2]; 2]);
    assert_eq!(Plane::of(&[1.0, f32::NAN], 2), None);
    assert_eq!(Plane::of(&[], 2), None);
}
