use super::*;
use crate::source::open_source;
use crate::source::testing::Rows;

fn digits(threads: usize, start_step: u64) -> LoaderSpec {
    let source = open_source("digits", "").unwrap();
    let indices: Vec<usize> = (100..350).collect();
    LoaderSpec {
        normalizer: Normalizer::fit(&*source, &indices).unwrap(),
        source,
        indices,
        recipe: ViewRecipe::preset("digits").unwrap(),
        projection: None,
        fixed: None,
        batch_size: 60,
        seed: 5,
        threads,
        start_step,
    }
}

fn rows(source: Rows, batch_size: usize) -> LoaderSpec {
    LoaderSpec {
        indices: (0..source.len()).collect(),
        normalizer: Normalizer::identity(source.shape()),
        source: Arc::new(source),
        recipe: ViewRecipe::default(),
        projection: None,
        fixed: None,
        batch_size,
        seed: 0,
        threads: 2,
        start_step: 0,
    }
}

fn batches(spec: LoaderSpec, count: usize) -> Vec<Batch> {
    let mut loader = Loader::new(spec).unwrap();
    (0..count).map(|_| loader.next_batch().unwrap()).collect()
}

#[test]
fn batches_are_the_same_for_any_threads_and_any_start() {
    let expected = batches(digits(1, 0), 10);
    for threads in [2, 3, 0] {
        assert_eq!(batches(digits(threads, 0), 10), expected);
    }
    for start in [1, 4, 7] {
        assert_eq!(batches(digits(2, start as u64), 10 - start), expected[start..]);
    }
    assert_eq!(batches(digits(2, 1 << 40), 1), batches(digits(1, 1 << 40), 1));
}

#[test]
fn an_epoch_visits_each_sample_at_most_once_and_the_next_in_another_order() {
    let batches = batches(digits(2, 0), 8);
    for epoch in batches.chunks(4) {
        let mut seen: Vec<usize> = epoch.iter().flat_map(|batch| batch.indices.clone()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 240);
        assert!(seen.iter().all(|index| (100..350).contains(index)));
    }
    assert_ne!(batches[0].indices, batches[4].indices);
    assert_eq!((batches[5].step, batches[5].epoch, batches[5].rows), (5, 1.25, 60));
    assert_eq!((batches[5].x.len(), batches[5].y.len()), (60 * 64, 60 * 64));
}

#[test]
fn the_order_hash_is_of_the_batches_handed_over() {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for batch in batches(digits(2, 0), 6) {
        batch.indices.iter().for_each(|&index| hash.update((index as u64 - 100).to_le_bytes()));
    }
    let expected = crate::source::hex(&hash.finalize());
    assert_eq!(Loader::data_order_sha256(250, 60, 5, 6), expected);
}

#[test]
fn a_sample_that_cannot_be_decoded_is_replaced_and_counted() {
    let mut source = Rows::new(10, 1);
    source.broken = vec![3, 4];
    let run = || batches(rows(source.clone(), 5), 6);
    let all = run();
    assert_eq!(all, run());
    for epoch in all.chunks(2) {
        assert!(epoch.iter().map(|batch| batch.skipped.len()).sum::<usize>() >= 2);
        assert!(epoch.iter().all(|batch| batch.x.len() == 5 && !batch.indices.contains(&3)));
    }
    source.broken = (0..10).collect();
    let mut loader = Loader::new(rows(source, 5)).unwrap();
    let error = loader.next_batch().unwrap_err().to_string();
    assert!(error.starts_with("none of the 10 training samples can be decoded; rows["), "{error}");
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let refuse = |spec| Loader::new(spec).err().unwrap().to_string();
    let message = refuse(rows(Rows::new(10, 1), 11));
    assert!(message.contains("batch of 11 samples is larger than the training set of 10; lower"), "{message}");
    assert!(refuse(rows(Rows::new(10, 1), 0)).contains("at least 1"));
    let mut spec = rows(Rows::new(10, 1), 2);
    spec.recipe = ViewRecipe::preset("cifar").unwrap();
    assert!(refuse(spec).contains("views.recipe.x[0]: crop needs images"));
}

#[test]
fn a_loader_dropped_early_ends_its_workers() {
    let mut loader = Loader::new(digits(3, 0)).unwrap();
    loader.next_batch().unwrap();
    let shared = Arc::downgrade(&loader.shared);
    drop(loader);
    assert!(shared.upgrade().is_none());
}

#[test]
fn time_spent_waiting_is_counted_and_time_spent_elsewhere_is_not() {
    let spec = |milliseconds| {
        let mut slow = Rows::new(4, 1);
        slow.delay = Duration::from_millis(milliseconds);
        LoaderSpec { threads: 1, ..rows(slow, 2) }
    };
    // One worker, two samples a batch: a batch every 20 ms, and nobody does anything else.
    let mut loader = Loader::new(spec(10)).unwrap();
    (0..4).for_each(|_| _ = loader.next_batch().unwrap());
    assert!(loader.waited() >= Duration::from_millis(75), "{:?}", loader.waited());
    // Ready long before it is asked for.
    let mut loader = Loader::new(spec(0)).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let before = Instant::now();
    loader.next_batch().unwrap();
    assert!(
        loader.waited() <= before.elapsed() && loader.waited() < Duration::from_millis(50),
        "{:?}",
        loader.waited()
    );
}

/// A source with a bug.
struct Panicking(Rows);

impl Source for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn shape(&self) -> &crate::Shape {
        self.0.shape()
    }
    fn sample(&self, _index: usize) -> Result<crate::Sample, crate::SourceError> {
        panic!("a bug, thrown on purpose by a test")
    }
    fn label(&self, _index: usize) -> Option<u32> {
        None
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn official_split(&self, _index: usize) -> Option<crate::Split> {
        None
    }
    fn range(&self) -> (f32, f32) {
        (0.0, 0.0)
    }
    fn skipped(&self) -> &[Skipped] {
        &[]
    }
    fn inputs(&self) -> &[crate::InputFile] {
        &[]
    }
    fn attribution(&self) -> Option<&str> {
        None
    }
}

#[test]
#[should_panic(expected = "a loader thread panicked")]
fn a_bug_in_a_worker_is_a_panic_here_and_not_a_wait_forever() {
    let mut spec = rows(Rows::new(10, 1), 5);
    spec.source = Arc::new(Panicking(Rows::new(10, 1)));
    let _ = Loader::new(spec).unwrap().next_batch();
}

#[test]
fn fixed_pairs_come_again_in_every_epoch() {
    let mut spec = digits(2, 0);
    let (indices, views, threads) = (&spec.indices[..40], 0, 1);
    let draws = crate::Draws {
        source: &*spec.source,
        indices,
        recipe: &spec.recipe,
        normalizer: &spec.normalizer,
        views,
        seed: 1,
        threads,
    };
    let pairs = Arc::new(FixedPairs::draw(&draws, 2, None));
    spec.fixed = Some(Arc::clone(&pairs));
    spec.batch_size = 80;
    let batches = batches(spec.clone(), 2);
    assert_ne!(batches[0].indices, batches[1].indices);
    let sorted = |batch: &Batch| {
        let mut rows: Vec<Vec<u32>> = batch.x.chunks(64).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(&batches[0]), sorted(&batches[1]));
    let mut expected: Vec<Vec<u32>> =
        pairs.x().chunks(64).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
    expected.sort_unstable();
    assert_eq!(sorted(&batches[0]), expected);
    spec.batch_size = 81;
    assert!(matches!(Loader::new(spec), Err(LoaderError::BatchTooLarge { available: 80, .. })));
}

#[test]
fn a_projection_is_applied_to_fresh_views() {
    let mut spec = digits(1, 0);
    let plain = batches(spec.clone(), 1);
    let rows: Vec<f64> = (0..128).map(|i| f64::from(i % 7)).collect();
    let projection = Arc::new(Projection::new(&[0.5; 64], &rows));
    spec.projection = Some(Arc::clone(&projection));
    let projected = batches(spec, 1);
    assert_eq!(projected[0].x, projection.apply(&plain[0].x));
    assert_eq!(projected[0].y, projection.apply(&plain[0].y));
}
