//! Ordinary invoices and their unusual rows: one test a rule.

use crate::{
    harness::{HEADER, csv, given, given_csv},
    retail::{
        report::{Kept, LeftOut},
        rows,
    },
};

#[test]
fn an_invoice_is_an_order_placed_and_paid_and_its_customer_a_wallet() {
    let converted = given([
        "536365, 85123A, 6, 01-04 08:26, 2.55, 17850.0",
        "536365, 71053,  2, 01-04 08:26, 3.3,  17850.0",
        "536366, 71053,  1, 01-04 09:00, 3.3,  17850.0",
    ]);
    assert_eq!(converted.types("W-17850"), ["wallet.opened"]);
    assert_eq!(converted.types("O-536365"), ["order.placed", "order.paid"]);
    let order = &converted.oracle.orders["O-536365"];
    assert_eq!((order.total, order.lines, order.lines_omitted), (2190, 2, 0));
    assert_eq!(order.wallet.as_deref(), Some("W-17850"));
    assert_eq!(order.placed, "2011-01-04T08:26:00Z");
    assert_eq!(converted.oracle.wallets.len(), 1);
}

#[test]
fn an_invoice_without_a_customer_is_an_order_without_a_wallet() {
    let converted = given(["536544, 21773, 3, 01-04 08:00, 2.00,"]);
    assert_eq!(converted.oracle.orders["O-536544"].wallet, None);
    assert!(converted.oracle.wallets.is_empty());
    assert_eq!(converted.report.orders_without_wallet.count, 1);
}

#[test]
fn a_free_row_is_left_off_its_order() {
    let converted = given([
        "537197, 22841, 1, 01-05 14:02, 0.0,  12647",
        "537197, 22423, 1, 01-05 14:02, 12.75, 12647",
    ]);
    let order = &converted.oracle.orders["O-537197"];
    assert_eq!((order.total, order.lines, order.lines_omitted), (1275, 1, 1));
    assert_eq!(converted.only_left_out(LeftOut::Free).0, 1);
}

#[test]
fn an_invoice_of_free_rows_opens_the_wallet_and_is_no_order() {
    let converted = given(["537197, 22841, 1, 01-05 14:02, 0.0, 12647"]);
    assert!(converted.oracle.orders.is_empty());
    assert_eq!(converted.oracle.wallets["W-12647"].opened, "2011-01-05T14:02:00Z");
}

#[test]
fn stock_that_is_written_off_is_no_order() {
    let converted = given(["536589, 21777, -10, 01-04 16:50, 0.0,"]);
    assert!(converted.oracle.orders.is_empty());
    assert_eq!(converted.only_left_out(LeftOut::StockWrittenOff).0, 1);
}

#[test]
fn adjustments_of_bad_debt_are_left_out_whatever_their_sign() {
    let converted = given([
        "A563185, B, 1, 08-12 14:50, 11062.06,",
        "A563186, B, 1, 08-12 14:51, -11062.06,",
        "A563187, B, 1, 08-12 14:52, -11062.06,",
    ]);
    assert!(converted.oracle.orders.is_empty());
    let expected = (3, "-11062.06".to_owned());
    assert_eq!(converted.only_left_out(LeftOut::BadDebt), expected);
}

#[test]
fn the_third_decimal_of_an_order_is_cut_off_and_counted() {
    let converted = given([
        "550193, PADS,  1, 04-15 09:27, 0.001, 13952",
        "550193, 22423, 2, 04-15 09:27, 1.50,  13952",
    ]);
    let order = &converted.oracle.orders["O-550193"];
    assert_eq!((order.total, order.lines, order.lines_omitted), (300, 1, 1));
    assert_eq!(converted.only_left_out(LeftOut::Rounding), (1, "0.001".to_owned()));
    assert_eq!(converted.kept(Kept::PriceBelowPenny), (1, "0.001".to_owned()));
}

#[test]
fn fractions_that_add_up_to_pennies_count() {
    let converted = given(["550193, PADS, 2017, 04-15 09:27, 0.005, 13952"]);
    assert_eq!(converted.oracle.orders["O-550193"].total, 1008);
    assert_eq!(converted.only_left_out(LeftOut::Rounding), (1, "0.005".to_owned()));
}

#[test]
fn an_invoice_below_a_penny_is_no_order() {
    let converted = given(["550193, PADS, 9, 04-15 09:27, 0.001, 13952"]);
    assert!(converted.oracle.orders.is_empty());
    assert_eq!(converted.only_left_out(LeftOut::Rounding), (1, "0.009".to_owned()));
}

#[test]
fn rows_that_no_rule_explains_are_left_out_and_counted() {
    let converted = given([
        "536370, 22728, -1, 01-04 08:45, 3.75,  12583",
        "536370, 22728, 1,  01-04 08:45, -1.25, 12583",
        "536370, 22728, 0,  01-04 08:45, 1.25,  12583",
        "C536371, 22728, 1, 01-04 08:45, 1.25,  12583",
        "X536372, 22728, 1, 01-04 08:45, 1.00,  12583",
    ]);
    assert!(converted.oracle.orders.is_empty());
    let expected = (5, "-2.75".to_owned());
    assert_eq!(converted.only_left_out(LeftOut::Unexplained), expected);
}

#[test]
fn a_repeated_row_counts_twice() {
    let converted = given([
        "536409, 21866, 1, 01-04 11:45, 1.25, 17908",
        "536409, 21866, 1, 01-04 11:45, 1.25, 17908",
        "536409, 21866, 1, 01-04 11:45, 1.26, 17908",
    ]);
    assert_eq!(converted.oracle.orders["O-536409"].total, 376);
    assert_eq!(converted.kept(Kept::Duplicate), (1, "1.25".to_owned()));
}

#[test]
fn an_invoice_with_several_times_has_its_earliest() {
    let converted = given([
        "536591, 22752, 1, 01-04 16:58, 7.65, 14606",
        "536591, 22753, 1, 01-04 16:57, 3.45, 14606",
    ]);
    assert_eq!(converted.oracle.orders["O-536591"].placed, "2011-01-04T16:57:00Z");
    assert_eq!(converted.kept(Kept::SeveralTimes), (1, "11.10".to_owned()));
}

#[test]
fn separate_rows_of_an_invoice_are_one_order() {
    let converted = given([
        "542806, 22752, 1, 02-01 11:19, 1.00, 12836",
        "542807, 22752, 1, 02-01 11:19, 2.00, 12837",
        "542806, 22753, 1, 02-01 11:20, 4.00, 12836",
    ]);
    assert_eq!(converted.oracle.orders["O-542806"].total, 500);
    assert_eq!(converted.oracle.orders["O-542807"].total, 200);
}

#[test]
fn the_order_of_invoices_in_the_file_does_not_matter() {
    let (first, second) = (
        "536365, 71053, 1, 01-04 08:26, 2.55, 17850",
        "536366, 71053, 1, 01-04 09:26, 2.55, 17850",
    );
    assert_eq!(given([first, second]).written, given([second, first]).written);
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let rows: Vec<_> = (0..60)
        .flat_map(|n| {
            let customer = 17850 + n % 7;
            [
                format!("{}, 71053, 3, 01-04 08:{n:02}, 2.55, {customer}", 536_300 + n),
                format!(
                    "C{}, 71053, -2, 01-{:02} 09:00, 2.55, {customer}",
                    536_400 + n,
                    5 + n % 20
                ),
            ]
        })
        .collect();
    let text = csv(rows.iter().map(String::as_str));
    let first = given_csv(&text);
    assert_eq!(first.written, given_csv(&text).written);
    assert_eq!(first.oracle.refunds.len(), 60);
}

#[test]
fn a_large_invoice_lists_its_first_lines_and_has_its_whole_total() {
    let rows: Vec<_> = (0..1114)
        .map(|n| format!("573585, {n:05}, 2, 10-31 14:41, 1.25, 17850"))
        .collect();
    let converted = given(rows.iter().map(String::as_str));
    let order = &converted.oracle.orders["O-573585"];
    assert_eq!(order.total, 278_500);
    assert_eq!(order.lines as u64 + order.lines_omitted, 1114);
    assert!(order.lines > 300, "{} lines are listed", order.lines);
    assert_eq!(converted.report.events_cut, 1);
    let placed = converted
        .events()
        .find(|event| event["type"] == "order.placed")
        .expect("an order");
    assert_eq!(placed["data"]["lines"][0]["sku"], "00000");
}

#[test]
fn text_that_json_must_escape_arrives_whole() {
    let row = "536365,\"8\"\"5\",\"  T-LIGHT \"\"É\"\",\nRED \",1,2011-01-04 08:26:00,2.55,17850,EIRE\n";
    let converted = given_csv(&format!("{HEADER}{row}"));
    let placed = converted
        .events()
        .find(|event| event["type"] == "order.placed")
        .expect("an order");
    let line = &placed["data"]["lines"][0];
    assert_eq!(
        (&line["sku"], &line["title"]),
        (&"8\"5".into(), &"T-LIGHT \"É\",\nRED".into())
    );
}

#[test]
fn a_row_without_a_description_has_no_title() {
    let converted = given_csv(&format!("{HEADER}536365,85123A,,1,2011-01-04 08:26:00,2.55,,EIRE\n"));
    let placed = converted.events().next().expect("an order");
    assert!(placed["data"]["lines"][0].get("title").is_none());
}

#[test]
fn gzip_and_plain_files_read_alike() {
    let text = csv(["536365, 71053, 1, 01-04 08:26, 2.55, 17850"]);
    let folder = tempfile::tempdir().expect("a folder");
    let (plain, packed) = (folder.path().join("a.csv"), folder.path().join("a.csv.gz"));
    std::fs::write(&plain, &text).expect("written");
    let file = std::fs::File::create(&packed).expect("created");
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("packed");
    encoder.finish().expect("finished");
    for path in [plain, packed] {
        let file = rows::read_file(&path).expect("a file that can be read");
        assert_eq!((file.rows, file.net.to_string()), (1, "2.55".to_owned()));
    }
}
