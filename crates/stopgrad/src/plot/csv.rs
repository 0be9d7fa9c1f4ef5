//! The numbers of a picture as a table: what a program reads back is what was drawn.

/// Shortest text that reads back to the same f64; empty for NaN.
pub(crate) fn value(number: f64) -> String {
    if number.is_nan() { String::new() } else { number.to_string() }
}

/// A table with a header; text is quoted where CSV needs it.
///
/// A text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line's end and is no
/// number) gets an apostrophe before it.
///
/// # Requires    rows as long as the header
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("a header goes to memory");
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).expect("rows of one length go to memory");
    }
    let bytes = writer.into_inner().expect("memory takes every byte");
    String::from_utf8(bytes).expect("csv keeps the UTF-8 that it was given")
}

fn harmless(cell: String) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err();
    if formula { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula_and_every_number_stays_one() {
        let names = ["=1+1", "@SUM(A1)", "+x", "-x\n", "\t=2", "plain", "a,\"b\"", "", "-0.5", "+3", "-inf"];
        let text = table(&["name", "x"], names.iter().map(|name| vec![(*name).to_owned(), value(-1e-300)]));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        for (row, name) in read.iter().zip(names) {
            let expected = if ["=1+1", "@SUM(A1)", "+x", "-x\n", "\t=2"].contains(&name) {
                format!("'{name}")
            } else {
                name.into()
            };
            assert_eq!(&row[0], expected);
            assert_eq!(row[1].parse::<f64>().unwrap().to_bits(), (-1e-300_f64).to_bits());
        }
    }
}
