//! A look at a source before anything is configured: what it shows says where the configuration starts.

use std::cell::RefCell;

use stopgrad_train::config::SourceConfig;

use crate::configuration::Sight;
use crate::opening::open;
use crate::output::Output;

/// Opens each source once, however many runs are of it.
pub(crate) struct Look {
    output: Output,
    seen: RefCell<Vec<(SourceConfig, Option<Sight>)>>,
}

impl Look {
    /// One that has seen nothing.
    pub(crate) fn new(output: Output) -> Self {
        Self { output, seen: RefCell::new(Vec::new()) }
    }

    /// What a source shows; none where it cannot be opened, which planning tells.
    pub(crate) fn at(&self, source: &SourceConfig) -> Option<Sight> {
        if let Some((_, sight)) = self.seen.borrow().iter().find(|(seen, _)| seen == source) {
            return sight.clone();
        }
        let opened = open(&source.path, &source.label_column, source.image_side, self.output).ok();
        let sight = opened.map(|opened| Sight { shape: opened.shape().clone(), samples: opened.len() });
        self.seen.borrow_mut().push((source.clone(), sight.clone()));
        sight
    }
}
