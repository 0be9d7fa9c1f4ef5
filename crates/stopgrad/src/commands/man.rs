//! `stopgrad man`: manual pages, from the same description that the parser reads.

use std::io;

use clap::CommandFactory as _;
use clap_mangen::Man;
use serde_json::json;

use crate::CommandError;
use crate::args::{Arguments, ManArguments};
use crate::folder::{FolderError, prepare, write_beside};
use crate::outcome::{Outcome, Status, document};

/// Write a page for every command.
pub(super) fn run(asked: &ManArguments) -> Result<Outcome, CommandError> {
    let out = &asked.out;
    prepare(out)?;
    let mut written = Vec::new();
    for (name, page) in pages().map_err(|source| FolderError::File { path: out.clone(), source })? {
        let path = out.join(name);
        write_beside(&path, page.as_bytes())?;
        written.push(path);
    }
    let text = format!("{} pages: {}\n", written.len(), out.display());
    let document = document("man", 0, &json!({ "out": out }), &[], json!({ "out": out, "pages": written }));
    Ok(Outcome { text, document, status: Status::Done })
}

/// File name and content of every page, the program's first.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut root = Arguments::command().disable_help_subcommand(true);
    // So that options of all commands stand in the page of each.
    root.build();
    let mut pages = Vec::new();
    let mut left = vec![("stopgrad".to_owned(), root)];
    while let Some((name, command)) = left.pop() {
        let below = command.get_subcommands().filter(|below| !below.is_hide_set());
        // The last is taken first.
        let mut below: Vec<_> = below.map(|below| (format!("{name}-{}", below.get_name()), below.clone())).collect();
        below.reverse();
        left.extend(below);
        let mut page = Vec::new();
        let source = format!("stopgrad {}", env!("CARGO_PKG_VERSION"));
        Man::new(command).title(&name).source(source).render(&mut page)?;
        // What stands behind the options of a command is its examples; the generator calls it something else.
        let page = String::from_utf8_lossy(&page).replacen(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n", 1);
        pages.push((format!("{name}.1"), page));
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = pages().expect("pages");
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["stopgrad.1", "stopgrad-train.1", "stopgrad-sweep.1", "stopgrad-sweep-flow.1", "stopgrad-doctor.1"]
        {
            assert!(names.contains(&name), "{name} is missing: {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("help")), "{names:?}");
        for (name, page) in pages {
            assert!(page.contains(".TH ") && page.contains(".SH EXAMPLES\n  stopgrad"), "{name}");
            assert!(page.contains("\\-\\-json"), "{name} lacks the options of all commands");
        }
    }
}
