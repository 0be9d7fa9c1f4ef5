//! A bar for long work.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

const TEMPLATE: &str = "{prefix} {bar:10} {pos}/{len} {per_sec} left {eta}  {wide_msg}";
const UNCOUNTED: &str = "{prefix} {spinner} {elapsed}  {wide_msg}";
const REDRAW: Duration = Duration::from_millis(200);

/// Drawn only if somebody watches.
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar over `length` items.
    pub(crate) fn new(label: &str, length: u64, output: Output) -> Self {
        Self(output.is_watched().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).expect("the template is fixed and well formed");
            let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(5));
            bar.enable_steady_tick(REDRAW);
            bar.with_style(style).with_prefix(label.to_owned())
        }))
    }

    /// For work that is not counted: it goes on, and what is said of it.
    pub(crate) fn uncounted(label: &str, output: Output) -> Self {
        Self(output.is_watched().then(|| {
            let style = ProgressStyle::with_template(UNCOUNTED).expect("the template is fixed and well formed");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            bar.enable_steady_tick(REDRAW);
            bar.with_style(style).with_prefix(label.to_owned())
        }))
    }

    /// So many items are done.
    pub(crate) fn advance(&self, items: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(items);
        }
    }

    /// What is being done now.
    pub(crate) fn say(&self, message: impl Into<Cow<'static, str>>) {
        if let Some(bar) = &self.0 {
            bar.set_message(message);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
