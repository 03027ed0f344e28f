//! Credit notes: which sale they are for, how they are split, what is left out of them, and their state at the end of
//! the file.

use crate::{
    harness::{Converted, given},
    oracle::State,
    retail::report::{Kept, LeftOut},
};

/// A row long after the credit notes of a test, so that they are settled.
const LATER: &str = "599999, 71053, 1, 12-01 12:00, 1.00,";

/// The amounts in pennies, by refund.
#[track_caller]
fn refunds(converted: &Converted) -> Vec<(&str, i128)> {
    let amounts = converted.oracle.refunds.iter();
    let mut amounts: Vec<_> = amounts.map(|(id, refund)| (id.as_str(), refund.amount)).collect();
    amounts.sort_unstable();
    amounts
}

#[test]
fn a_credit_note_is_a_refund_of_the_order_that_sold_the_article() {
    let converted = given([
        "536365, 71053, 6, 01-04 08:26, 2.50, 17850",
        "C536379, 71053, -2, 01-05 09:41, 2.50, 17850",
        LATER,
    ]);
    assert_eq!(refunds(&converted), [("R-C536379-536365", 500)]);
    let expected = [
        "placed",
        "paid",
        "refund_requested",
        "refund_approved",
        "refund_succeeded",
    ];
    assert_eq!(
        converted.types("O-536365"),
        expected.map(|name| format!("order.{name}"))
    );
    assert_eq!(converted.types("W-17850"), ["wallet.opened", "wallet.credited"]);
    let refund = &converted.oracle.refunds["R-C536379-536365"];
    assert_eq!(refund.requested, "2011-01-05T09:41:00Z");
    assert_eq!(
        (refund.reason.as_str(), refund.lines, refund.lines_omitted),
        ("return", 1, 0)
    );
    assert_eq!(converted.oracle.wallets["W-17850"].posted, 500);
}

#[test]
fn credits_for_other_than_goods_have_another_reason() {
    let converted = given([
        "536365, POST, 1, 01-04 08:26, 18.00, 17850",
        "C536379, POST, -1, 01-05 09:41, 18.00, 17850",
    ]);
    assert_eq!(converted.oracle.refunds["R-C536379-536365"].reason, "other");
}

#[test]
fn a_credit_note_over_two_orders_is_two_refunds() {
    let converted = given([
        "536365, 71053, 6, 01-04 08:26, 2.50, 17850",
        "536366, 22423, 1, 01-04 09:26, 12.75, 17850",
        "C536379, 71053, -6, 01-05 09:41, 2.50, 17850",
        "C536379, 22423, -1, 01-05 09:41, 12.75, 17850",
        LATER,
    ]);
    let expected = [("R-C536379-536365", 1500), ("R-C536379-536366", 1275)];
    assert_eq!(refunds(&converted), expected);
    assert_eq!(converted.oracle.wallets["W-17850"].posted, 2775);
    assert_eq!(converted.kept(Kept::SplitNote), (1, "-27.75".to_owned()));
}

#[test]
fn the_same_price_comes_before_a_later_sale() {
    let converted = given([
        "536365, 71053, 6, 01-04 08:26, 2.50, 17850",
        "536366, 71053, 6, 01-04 09:26, 2.10, 17850",
        "C536379, 71053, -1, 01-05 09:41, 2.50, 17850",
    ]);
    assert_eq!(refunds(&converted), [("R-C536379-536365", 250)]);
}

#[test]
fn a_sale_that_covers_the_row_comes_before_a_later_one() {
    let converted = given([
        "536365, 71053, 6, 01-04 08:26, 2.50, 17850",
        "536366, 71053, 2, 01-04 09:26, 2.50, 17850",
        "C536379, 71053, -5, 01-05 09:41, 2.50, 17850",
    ]);
    assert_eq!(refunds(&converted), [("R-C536379-536365", 1250)]);
}

#[test]
fn the_latest_of_equal_sales_is_refunded_first_and_none_twice() {
    let converted = given([
        "536365, 71053, 2, 01-04 08:26, 2.50, 17850",
        "536366, 71053, 2, 01-04 09:26, 2.50, 17850",
        "C536379, 71053, -2, 01-05 09:41, 2.50, 17850",
        "C536380, 71053, -2, 01-05 10:41, 2.50, 17850",
    ]);
    let expected = [("R-C536379-536366", 500), ("R-C536380-536365", 500)];
    assert_eq!(refunds(&converted), expected);
}

#[test]
fn a_row_that_no_sale_covers_takes_several() {
    let converted = given([
        "536365, 71053, 2, 01-04 08:26, 2.50, 17850",
        "536366, 71053, 2, 01-04 09:26, 2.50, 17850",
        "C536379, 71053, -3, 01-05 09:41, 2.50, 17850",
    ]);
    let expected = [("R-C536379-536365", 250), ("R-C536379-536366", 500)];
    assert_eq!(refunds(&converted), expected);
}

#[test]
fn more_than_was_bought_is_left_out() {
    let converted = given([
        "536365, 71053, 2, 01-04 08:26, 2.50, 17850",
        "C536379, 71053, -3, 01-05 09:41, 2.50, 17850",
    ]);
    assert_eq!(refunds(&converted), [("R-C536379-536365", 500)]);
    let expected = (1, "-2.50".to_owned());
    assert_eq!(converted.only_left_out(LeftOut::CreditBeyondSold), expected);
}

#[test]
fn an_article_that_was_not_bought_before_is_left_out() {
    let converted = given([
        "536364, 71053, 9, 01-03 08:26, 2.50, 12345",
        "C536379, 71053, -3, 01-05 09:41, 2.50, 17850",
        "536380, 71053, 9, 01-06 08:26, 2.50, 17850",
    ]);
    assert!(converted.oracle.refunds.is_empty());
    let expected = (1, "-7.50".to_owned());
    assert_eq!(converted.only_left_out(LeftOut::CreditNeverSold), expected);
    assert_eq!(converted.oracle.wallets["W-17850"].opened, "2011-01-05T09:41:00Z");
}

#[test]
fn a_credit_above_the_price_paid_is_left_out() {
    let converted = given([
        "536365, 71053, 3, 01-04 08:26, 2.10, 17850",
        "C536379, 71053, -3, 01-05 09:41, 2.50, 17850",
    ]);
    assert_eq!(refunds(&converted), [("R-C536379-536365", 630)]);
    let expected = (1, "-1.20".to_owned());
    assert_eq!(converted.only_left_out(LeftOut::CreditAbovePrice), expected);
    assert_eq!(converted.kept(Kept::OtherPrice), (1, "-7.50".to_owned()));
}

#[test]
fn a_credit_below_the_price_paid_is_refunded_as_credited() {
    let converted = given([
        "536365, 71053, 3, 01-04 08:26, 2.50, 17850",
        "C536379, 71053, -3, 01-05 09:41, 2.10, 17850",
    ]);
    assert_eq!(refunds(&converted), [("R-C536379-536365", 630)]);
    assert_eq!(converted.kept(Kept::OtherPrice), (1, "-6.30".to_owned()));
}

#[test]
fn a_credit_row_without_a_customer_is_left_out() {
    let converted = given([
        "536365, 71053, 3, 01-04 08:26, 2.50,",
        "C536379, 71053, -3, 01-05 09:41, 2.50,",
    ]);
    let expected = (1, "-7.50".to_owned());
    assert_eq!(converted.only_left_out(LeftOut::CreditWithoutCustomer), expected);
}

#[test]
fn refunds_are_cut_to_whole_pennies_and_never_exceed_their_order() {
    let converted = given([
        "536365, PADS, 25, 01-04 08:26, 0.005, 17850",
        "C536379, PADS, -13, 01-05 09:41, 0.005, 17850",
        "C536380, PADS, -12, 01-05 09:42, 0.005, 17850",
    ]);
    assert_eq!(converted.oracle.orders["O-536365"].total, 12);
    let expected = [("R-C536379-536365", 6), ("R-C536380-536365", 6)];
    assert_eq!(refunds(&converted), expected);
    assert_eq!(converted.left_out(LeftOut::Rounding), (2, "0.000".to_owned()));
}

#[test]
fn a_credit_below_a_penny_is_no_refund() {
    let converted = given([
        "536365, PADS, 25, 01-04 08:26, 0.005, 17850",
        "C536379, PADS, -1, 01-05 09:41, 0.005, 17850",
    ]);
    assert!(converted.oracle.refunds.is_empty());
    assert_eq!(converted.left_out(LeftOut::Rounding), (2, "0.000".to_owned()));
}

#[test]
fn credit_notes_of_the_last_fourteen_days_are_pending() {
    let converted = given([
        "536365, 71053, 9, 11-01 08:26, 2.50, 17850",
        "C536379, 71053, -1, 11-17 12:00, 2.50, 17850",
        "C536380, 71053, -1, 11-17 12:01, 2.50, 17850",
        "C536381, 71053, -1, 11-18 12:00, 2.50, 17850",
        LATER,
    ]);
    let state = |note: &str| converted.oracle.refunds[&format!("R-{note}-536365")].state;
    assert_eq!(state("C536379"), State::Succeeded);
    assert_eq!(state("C536380"), State::Approved);
    assert_eq!(state("C536381"), State::Requested);
    assert_eq!(converted.oracle.wallets["W-17850"].posted, 250);
}
