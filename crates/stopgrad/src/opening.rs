//! Sources, opened for somebody who watches: a bar while a folder of images is indexed, a line on what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stopgrad_data::{OpenParams, Source, SourceError, open_source_with};

use crate::bar::Bar;
use crate::output::Output;

/// Opens a source.
///
/// # Errors
/// As [`open_source_with`].
pub(crate) fn open(
    path: &str, label_column: &str, image_side: usize, output: Output,
) -> Result<Arc<dyn Source>, SourceError> {
    let bar = std::sync::OnceLock::new();
    let told = AtomicUsize::new(0);
    let progress = |done: usize, all: usize| {
        let before = told.swap(done, Ordering::Relaxed);
        bar.get_or_init(|| Bar::new("reading images", all as u64, output)).advance(done.saturating_sub(before) as u64);
    };
    let source = open_source_with(path, &OpenParams { label_column, image_side, progress: &progress })?;
    drop(bar);
    if let Some(remark) = source.remark() {
        output.note(remark);
    }
    Ok(source)
}
