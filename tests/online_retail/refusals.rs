//! Files that the example refuses to read. A skipped row would be missing from the sum.

use crate::{
    harness::{HEADER, csv},
    retail::rows,
};

/// The reader's error for a file.
#[track_caller]
fn refusal(text: &str) -> String {
    rows::read(text.as_bytes()).expect_err("a refusal").to_string()
}

#[track_caller]
fn refusal_of(row: &str) -> String {
    refusal(&csv(["536365, 71053, 1, 01-04 08:26, 2.55, 17850", row]))
}

#[test]
fn a_field_that_cannot_be_read_is_named_with_its_line() {
    for (row, field) in [
        (
            "536366, 71053, six, 01-04 08:26, 2.55, 17850",
            "Quantity can't be read: \"six\"",
        ),
        (
            "536366, 71053, 1.5, 01-04 08:26, 2.55, 17850",
            "Quantity can't be read: \"1.5\"",
        ),
        (
            "536366, 71053, 1, 01-34 08:26, 2.55, 17850",
            "InvoiceDate can't be read: \"2011-01-34 08:26:00\"",
        ),
        (
            "536366, 71053, 1, 01-04 08:26, 2.55e3, 17850",
            "UnitPrice can't be read: \"2.55e3\"",
        ),
        (
            "536366, 71053, 1, 01-04 08:26, , 17850",
            "UnitPrice can't be read: \"\"",
        ),
        (
            "536366, 71053, 1, 01-04 08:26, 2.55, 17850.5",
            "CustomerID can't be read: \"17850.5\"",
        ),
        (
            "5363 66, 71053, 1, 01-04 08:26, 2.55, 17850",
            "InvoiceNo can't be read: \"5363 66\"",
        ),
        (", 71053, 1, 01-04 08:26, 2.55, 17850", "InvoiceNo can't be read: \"\""),
    ] {
        assert_eq!(refusal_of(row), format!("line 3: {field}"));
    }
}

#[test]
fn numbers_beyond_the_limits_are_refused() {
    for (row, column) in [
        ("536366, 71053, 10000001, 01-04 08:26, 2.55, 17850", "Quantity"),
        ("536366, 71053, -10000001, 01-04 08:26, 2.55, 17850", "Quantity"),
        ("536366, 71053, 1, 01-04 08:26, 10000000.01, 17850", "UnitPrice"),
        ("536366, 71053, 1, 01-04 08:26, 0.0000001, 17850", "UnitPrice"),
        ("123456789012345678901, 71053, 1, 01-04 08:26, 1, 17850", "InvoiceNo"),
        ("536366, 71053, 1, 01-04 08:26, 1, 123456789012345678901", "CustomerID"),
    ] {
        let said = refusal_of(row);
        assert!(said.starts_with(&format!("line 3: {column} can't be read")), "{said}");
    }
}

#[test]
fn an_invoice_of_two_customers_is_refused() {
    for customer in ["17851", ""] {
        let said = refusal_of(&format!("536365, 71054, 1, 01-04 08:26, 2.55, {customer}"));
        assert_eq!(said, "line 3: invoice 536365 names another customer than before");
    }
}

#[test]
fn a_row_with_too_few_fields_is_refused() {
    let said = refusal(&format!("{HEADER}536365,71053\n"));
    assert!(said.contains("line: 2"), "{said}");
}

#[test]
fn a_file_without_rows_or_columns_is_refused() {
    assert_eq!(refusal(HEADER), "there are no rows");
    assert_eq!(refusal("InvoiceNo,StockCode\n1,2\n"), "there is no column Description");
}
