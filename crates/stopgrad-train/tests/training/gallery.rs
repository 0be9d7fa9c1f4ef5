//! The gallery of a run: validation samples alone, represented as `embed` represents them.

use stopgrad_data::open_source;
use stopgrad_train::gallery::Gallery;
use stopgrad_train::{Embedder, RunRecord};

use super::support::{config, finish, plan};

#[test]
fn a_run_leaves_a_gallery_of_validation_samples_as_its_encoder_sees_them() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&config(30));
    let record = finish(&plan, folder.path());
    let gallery = Gallery::read(&folder.path().join("gallery.npz")).unwrap();
    assert_eq!(record.gallery.as_deref(), Some(&gallery));
    assert_eq!(RunRecord::read(folder.path()).unwrap().gallery.as_deref(), Some(&gallery));
    assert_eq!(gallery.samples, plan.splits.validation);
    for (place, &sample) in gallery.samples.iter().enumerate() {
        assert_eq!(gallery.labels[place], plan.source.label(sample));
    }
    let source = open_source("digits", "").unwrap();
    let (all, width, _) = Embedder::read(folder.path()).unwrap().embed(source.as_ref()).unwrap();
    assert_eq!(width, gallery.width);
    for (own, &sample) in gallery.representations.chunks_exact(width).zip(&gallery.samples) {
        let embedded = &all[sample * width..(sample + 1) * width];
        // Products of f32 may be summed in another order in a batch of another length.
        assert!(own.iter().zip(embedded).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0)), "{sample}");
    }
    let mut asked: Vec<_> = gallery.queries.iter().map(|&place| gallery.class(place)).collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 8, "a class each");
    assert!(gallery.neighbors.iter().all(|nearest| nearest.len() == 5));
    let pictures = gallery.pictures.as_ref().unwrap();
    assert_eq!((pictures.channels, pictures.height, pictures.width), (1, 8, 8));
    let query = gallery.queries[0];
    let values = source.sample(gallery.samples[query]).unwrap().values;
    let bytes: Vec<u8> = values.iter().map(|value| (value * 255.0).round() as u8).collect();
    assert_eq!(pictures.find(query), Some(&bytes[..]));
    let [original, x, y] = pictures.pair(0).unwrap();
    assert_eq!(original, bytes);
    assert!(x != original && x != y, "views are augmented");
}

#[test]
fn a_run_that_diverged_has_a_gallery_without_a_plane() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(100);
    config.optimizer.learning_rate = 1e30;
    let record = finish(&plan(&config), folder.path());
    assert_eq!(record.verdict.converges.answer, "diverged");
    let gallery = record.gallery.unwrap();
    assert!(gallery.plane.is_none() && gallery.neighbors.is_empty() && !gallery.queries.is_empty());
    let read = Gallery::read(&folder.path().join("gallery.npz")).unwrap();
    assert_eq!(read.queries, gallery.queries);
}
