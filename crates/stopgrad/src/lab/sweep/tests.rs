use super::*;

fn table(columns: &[(&'static str, Cells)], rows: &[&[&str]]) -> SweepTable {
    SweepTable {
        columns: columns.iter().map(|(name, cells)| Column { name, cells: *cells }).collect(),
        rows: rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect(),
    }
}

fn flows() -> View {
    let columns = [
        ("weight_decay", Cells::Number),
        ("seed", Cells::Whole),
        ("stop", Cells::Text),
        ("rank", Cells::Whole),
        ("stability", Cells::Text),
        ("error", Cells::Text),
    ];
    let rows: &[&[&str]] = &[
        &["0.1", "0", "steady", "0", "attracting", ""],
        &["0.1", "1", "budget", "1", "", ""],
        &["0.01", "0", "steady", "2", "attracting", ""],
        &["0.01", "1", "steady", "3", "undecided", ""],
        &["-1", "0", "", "", "", "weight decay is -1"],
        &["-1", "1", "", "", "", "weight decay is -1"],
    ];
    View {
        kind: Kind::Flow,
        points: 6,
        varied: vec![Swept::WeightDecay, Swept::Seed],
        lengths: [3, 1, 1, 1, 2],
        table: table(&columns, rows),
    }
}

#[test]
fn flows_are_counted_and_failures_named() {
    let findings = flows().findings();
    assert_eq!(findings[0], "6 points: 3 values of λ and 2 values of seed.");
    assert_eq!(findings[1], "Of the flows 3 ended steady, at an equilibrium and 1 spent the budget first.");
    assert_eq!(findings[2], "Of the equilibria 2 attract and 1 are undecided.");
    assert_eq!(findings[3], "2 points failed; the first: weight decay is -1.");
}

#[test]
fn pictures_average_over_seeds_and_leave_failures_out() {
    let pictures = flows().pictures();
    assert_eq!(pictures[0].csv, "series,weight_decay,rank\n,0.01,2.5\n,0.1,0.5\n");
    let stops = "series,weight_decay,share\nsteady,0.01,1\nsteady,0.1,0.5\nbudget,0.01,0\nbudget,0.1,0.5\n";
    assert_eq!(pictures[1].csv, stops);
    assert!(pictures[0].caption.contains("Means over the seeds"));
}

#[test]
fn open_rows_are_budgets_undecided_ends_and_failures() {
    let view = flows();
    let open: Vec<bool> = view.table.rows.iter().map(|row| is_open(Kind::Flow, &view.table, row)).collect();
    assert_eq!(open, [false, true, false, true, true, true]);
}

#[test]
fn shares_are_pooled_over_seeds_and_0_where_a_label_is_not_listed() {
    let columns = [
        ("init_scale", Cells::Number),
        ("seed", Cells::Whole),
        ("field", Cells::Text),
        ("label", Cells::Text),
        ("count", Cells::Whole),
        ("fraction", Cells::Number),
        ("error", Cells::Text),
    ];
    let rows: &[&[&str]] = &[
        &["0.5", "0", "sg", "outer", "3", "0.3", ""],
        &["0.5", "0", "sg", "origin", "7", "0.7", ""],
        &["0.5", "1", "sg", "origin", "10", "1.0", ""],
        &["1.0", "0", "sg", "outer", "10", "1.0", ""],
        &["1.0", "1", "sg", "outer", "10", "1.0", ""],
    ];
    let view = View {
        kind: Kind::Basins,
        points: 4,
        varied: vec![Swept::InitScale, Swept::Seed],
        lengths: [1, 1, 1, 2, 2],
        table: table(&columns, rows),
    };
    let [picture] = &view.pictures()[..] else { panic!("one field, one setting") };
    let expected = "series,init_scale,fraction\nouter,0.5,0.15\nouter,1,1\norigin,0.5,0.85\norigin,1,0\n";
    assert_eq!(picture.csv, expected);
    let said = view.findings()[1].replace('\u{a0}', " ");
    assert_eq!(said, "Shares of starts under sg: outer 0.0 % to 100.0 % and origin 0.0 % to 100.0 %.");
}

#[test]
fn a_page_leaves_out_columns_in_which_nothing_stands() {
    let mut view = flows();
    view.table.rows.truncate(4);
    let page = view.page();
    let names: Vec<&str> = page.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["weight decay", "seed", "stop", "rank", "stability"]);
}
