//! One page for any lab command: what was found in words, then tables, pictures, and everything it rests on.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::folder::{self, FolderError, Kind, write_beside};
use crate::markup::{escape, grouped, prose};
use crate::outcome::command_line;
use crate::page;
use crate::plot::Picture;

/// Rows of a table that are shown openly; a longer one is whole in a fold below.
const ROWS: usize = 24;

/// What a command has to say, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Headline, for people.
    pub title: String,
    /// What was found, in whole sentences, the most important first.
    pub findings: Vec<String>,
    /// Numbers side by side.
    pub tables: Vec<Table>,
    /// With their data.
    pub pictures: Vec<Picture>,
    /// Where the mathematics stands.
    pub mathematics: &'static str,
}

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Headline.
    pub title: String,
    /// How to read it; may be empty.
    pub note: String,
    /// What stands in each column.
    pub columns: Vec<Column>,
    /// As long as `columns` each.
    pub rows: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// Its headline.
    pub name: String,
    /// Numbers stand at the right.
    pub numeric: bool,
}

impl Column {
    /// Words, at the left.
    pub fn text(name: &str) -> Self {
        Self { name: name.into(), numeric: false }
    }

    /// Numbers, at the right.
    pub fn number(name: &str) -> Self {
        Self { name: name.into(), numeric: true }
    }
}

impl Page {
    /// The page as one file: no script, no network, readable on paper, dark and light.
    ///
    /// It ends with what it rests on: `options` and `inputs` of the document of the command.
    pub fn to_html(&self, command_line: &str, document: &Value) -> String {
        let mut html = page::start(&self.title);
        let _ = write!(
            html,
            "<header>\n<h1>{}</h1>\n<p class=\"quiet small\"><code>{}</code> · stopgrad {}</p>\n<div class=\"summary\">\n",
            escape(&self.title),
            escape(command_line),
            env!("CARGO_PKG_VERSION")
        );
        for finding in &self.findings {
            let _ = writeln!(html, "<p>{}</p>", prose(finding));
        }
        html.push_str("</div>\n</header>\n");
        for (place, table) in self.tables.iter().enumerate() {
            page::section(&mut html, &format!("table-{}", place + 1), &escape(&table.title), &table.to_html());
        }
        if !self.pictures.is_empty() {
            page::figures(&mut html, "Pictures", self.pictures.iter());
        }
        let mathematics = ("Mathematics".to_owned(), self.mathematics.to_owned());
        let facts = page::facts(std::iter::once(mathematics).chain(options(document)).chain(inputs(document)));
        page::section(&mut html, "facts", "What it rests on", &facts);
        html.push_str(page::END);
        html
    }
}

/// The options of the document, each with its default filled in.
fn options(document: &Value) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (name, value) in document["options"].as_object().into_iter().flatten() {
        page::flatten(&format!("--{}", name.replace('_', "-")), value, &mut rows);
    }
    rows
}

/// The files that were read, by content.
fn inputs(document: &Value) -> Vec<(String, String)> {
    let input = |input: &Value| {
        let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
        (format!("Input {}", text("path")), format!("sha256 {}", text("sha256")))
    };
    document["inputs"].as_array().into_iter().flatten().map(input).collect()
}

impl Table {
    fn to_html(&self) -> String {
        let shown = if self.rows.len() > ROWS { ROWS } else { self.rows.len() };
        let mut html = self.part(&self.rows[..shown]);
        if shown < self.rows.len() {
            let _ = write!(
                html,
                "<details class=\"more\"><summary class=\"quiet\">all {} rows</summary>\n{}</details>\n",
                grouped(self.rows.len() as u64),
                self.part(&self.rows)
            );
        }
        if !self.note.is_empty() {
            let _ = writeln!(html, "<p class=\"note\">{}</p>", prose(&self.note));
        }
        html
    }

    fn part(&self, rows: &[Vec<String>]) -> String {
        let class = |column: &Column| if column.numeric { " class=\"n\"" } else { "" };
        let mut html = String::from("<div class=\"wide\"><table class=\"plain fit\">\n<thead><tr>");
        for column in &self.columns {
            let _ = write!(html, "<th scope=\"col\"{}>{}</th>", class(column), prose(&column.name));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            html.push_str("<tr>");
            for (column, cell) in self.columns.iter().zip(row) {
                let _ = write!(html, "<td{}>{}</td>", class(column), prose(cell));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>\n");
        html
    }
}

/// Make sure that a page can be written into a folder, before work depends on it: new, empty, or one with a page.
///
/// # Errors
/// [`FolderError`]
pub fn prepare(folder: &Path) -> Result<(), FolderError> {
    folder::check(folder, Kind::Lab)?;
    folder::prepare(folder)
}

/// Write `report.html`, `report.json` (the document) and `figures/<id>.svg` with `figures/<id>.csv`, each beside its
/// place and renamed; pictures of an earlier page there are removed. Says in a line where the page is.
///
/// # Errors
/// [`FolderError`]: something else is in the folder, or it cannot be written
pub fn write(folder: &Path, page: &Page, document: &Value) -> Result<String, FolderError> {
    prepare(folder)?;
    let _held = folder::lock(folder)?;
    write_into(folder, page, document)
}

/// The same into a folder that the caller has checked and holds the lock of; it may hold other results of ours.
///
/// # Errors
/// [`FolderError`]
pub(crate) fn write_into(folder: &Path, page: &Page, document: &Value) -> Result<String, FolderError> {
    let figures = folder.join("figures");
    folder::prepare(&figures)?;
    for swept in [folder, &figures] {
        folder::sweep(swept)?;
    }
    // First, so that a folder that was begun is known as ours.
    write_beside(&folder.join("report.json"), format!("{document:#}\n").as_bytes())?;
    let mut kept = Vec::new();
    for picture in &page.pictures {
        for (ending, text) in [("svg", picture.to_svg_file()), ("csv", picture.csv.clone())] {
            let path = figures.join(format!("{}.{ending}", picture.id));
            write_beside(&path, text.as_bytes())?;
            kept.push(path);
        }
    }
    remove_others(&figures, &kept)?;
    let path = folder.join("report.html");
    write_beside(&path, page.to_html(&command_line(), document).as_bytes())?;
    Ok(format!("report: {}\n", path.display()))
}

/// Remove the pictures and tables of an earlier page.
fn remove_others(figures: &Path, kept: &[std::path::PathBuf]) -> Result<(), FolderError> {
    let unwritable = |source| FolderError::Unwritable { path: figures.into(), source };
    for entry in fs::read_dir(figures).map_err(unwritable)? {
        let path = entry.map_err(unwritable)?.path();
        let ours = path.extension().is_some_and(|ending| ending == "svg" || ending == "csv");
        if ours && !kept.contains(&path) {
            fs::remove_file(&path).map_err(unwritable)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
