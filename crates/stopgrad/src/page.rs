//! The parts that every page has: its head and style, sections, figures, facts. One self-contained file: no script, no
//! network, readable on paper, dark and light.

use std::fmt::Write;

use crate::markup::{concise, escape};
use crate::plot::{self, Picture};

const STYLE: &str = include_str!("page/style.css");

/// Everything up to the first element of the page's body; [`END`] closes it.
pub(crate) fn start(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light \
         dark\">\n<title>{}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n",
        escape(title),
        plot::STYLE,
    )
}

/// The end of a page.
pub(crate) const END: &str = "</main>\n</body>\n</html>\n";

/// A section with its headline; `title` and `body` are markup.
pub(crate) fn section(html: &mut String, id: &str, title: &str, body: &str) {
    let _ = write!(html, "<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n");
}

/// Pictures side by side where there is room; `title` is markup.
pub(crate) fn figures<'a>(html: &mut String, title: &str, pictures: impl Iterator<Item = &'a Picture>) {
    figures_below(html, title, "", "grid", pictures);
}

/// The same below some paragraphs, in a grid of a class; `title` and `before` are markup.
pub(crate) fn figures_below<'a>(
    html: &mut String, title: &str, before: &str, grid: &str, pictures: impl Iterator<Item = &'a Picture>,
) {
    let _ = write!(html, "<section class=\"figures\">\n<h2>{title}</h2>\n{before}<div class=\"{grid}\">\n");
    for picture in pictures {
        let _ = writeln!(
            html,
            "<figure id=\"{id}\">\n<h3>{}</h3>\n{}\n<figcaption>{} <span class=\"files\"><a \
             href=\"figures/{id}.csv\">data (CSV)</a> <a href=\"figures/{id}.svg\">picture \
             (SVG)</a></span></figcaption>\n</figure>",
            escape(&picture.title),
            picture.svg,
            escape(&picture.caption),
            id = escape(&picture.id),
        );
    }
    html.push_str("</div>\n</section>\n");
}

/// Labels and texts, row by row; nothing where there are none.
pub(crate) fn facts(rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: Vec<String> =
        rows.map(|(label, text)| format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(&label), escape(&text))).collect();
    if rows.is_empty() { String::new() } else { format!("<dl class=\"facts\">{}</dl>\n", rows.join("")) }
}

/// Nested values as rows: `where › encoder › kind`; short lists stay together.
pub(crate) fn flatten(key: &str, value: &serde_json::Value, rows: &mut Vec<(String, String)>) {
    use serde_json::Value;
    let words = |key: &str| key.replace('_', " ");
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(&format!("{key} › {inner}"), value, rows);
            }
        }
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(8).map(scalar).collect();
            let more = if items.len() > 8 { format!(", … ({} in all)", items.len()) } else { String::new() };
            rows.push((words(key), format!("{}{more}", shown.join(", "))));
        }
        other => rows.push((words(key), scalar(other))),
    }
}

fn scalar(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), concise),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "–".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_become_rows() {
        let value = serde_json::json!({"encoder": {"kind": "no", "ranks": [1, 2.5]}, "count": 3, "none": null});
        let mut rows = Vec::new();
        flatten("where_found", &value, &mut rows);
        let expected = [
            ("where found › count", "3"),
            ("where found › encoder › kind", "no"),
            ("where found › encoder › ranks", "1, 2.5"),
            ("where found › none", "–"),
        ];
        rows.sort();
        assert_eq!(rows.len(), expected.len());
        for ((key, value), (expected_key, expected_value)) in rows.iter().zip(expected) {
            assert_eq!(key, expected_key);
            assert!(value.starts_with(expected_value), "{value}");
        }
    }
}
