//! The numbers of a picture as a table: what a program reads back is what was drawn.

/// Shortest text that reads back to the same f64; empty for NaN.
pub(crate) fn value(number: f64) -> String {
    if number.is_nan() { String::new() } else { number.to_string() }
}

/// A table with a header; text is quoted where CSV needs it.
///
/// # Requires    rows as long as the header
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("a header goes to memory");
    for row in rows {
        writer.write_record(row).expect("rows of one length go to memory");
    }
    let bytes = writer.into_inner().expect("memory takes every byte");
    String::from_utf8(bytes).expect("csv keeps the UTF-8 that it was given")
}
