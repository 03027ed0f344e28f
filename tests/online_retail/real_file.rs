//! The real file, converted once and read back. Its figures are compared with those that a program in another language
//! counted from the rows. If the file is missing, the test prints that it was skipped.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
};

use rust_decimal::Decimal;

use crate::{
    oracle::{Oracle, State},
    retail::{
        convert::convert,
        report::{Kept, LeftOut, Report},
        rows,
    },
};

/// The default path of the file, from the package's root.
const DEFAULT: &str = "../shared/data/online-retail.csv.gz";
const VARIABLE: &str = "LEDGERSCOPE_ONLINE_RETAIL";

/// The sum of quantity times price over all rows.
const NET: &str = "9747747.934";

/// The count and the sum of what each rule leaves out.
const LEFT_OUT: [(LeftOut, u64, &str); 9] = [
    (LeftOut::Free, 1179, "0"),
    (LeftOut::StockWrittenOff, 1336, "0"),
    (LeftOut::BadDebt, 3, "-11062.06"),
    (LeftOut::CreditWithoutCustomer, 383, "-285470.40"),
    (LeftOut::CreditNeverSold, 1306, "-124233.98"),
    (LeftOut::CreditBeyondSold, 83, "-13139.65"),
    (LeftOut::CreditAbovePrice, 233, "-4214.64"),
    (LeftOut::Rounding, 4, "0.004"),
    (LeftOut::Unexplained, 0, "0"),
];

/// The count and the sum of what each rule keeps.
const KEPT: [(Kept, u64, &str); 5] = [
    (Kept::Duplicate, 5268, "21740.98"),
    (Kept::SeveralTimes, 43, "62711.76"),
    (Kept::PriceBelowPenny, 4, "0.004"),
    (Kept::OtherPrice, 347, "-10631.16"),
    (Kept::SplitNote, 418, "-67137.28"),
];

/// Credit notes after this time are pending. It is fourteen days before the last row.
const PENDING_FROM: &str = "2011-11-25T12:50:00Z";

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

/// The path of the file. `None` if the variable is not set and the default path does not exist.
fn file() -> Option<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE) {
        return Some(path.into());
    }
    let path = PathBuf::from(DEFAULT);
    if path.exists() {
        return Some(path);
    }
    // `eprintln!` is not used, because the test harness hides its output if the test passes.
    let skipped = format!("SKIPPED: the Online Retail file is not at {DEFAULT}; set {VARIABLE} to its path\n");
    io::stderr().write_all(skipped.as_bytes()).expect("standard error");
    None
}

#[test]
fn the_real_file_adds_up_to_the_last_digit() {
    let Some(path) = file() else { return };
    let file = rows::read_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut oracle = Oracle::default();
    let report = convert(&file, &mut oracle).expect("the oracle takes everything");
    oracle.finish();

    let left_out: Decimal = LeftOut::ALL.map(|rule| report.left_out(rule).sum).iter().sum();
    let ledger = Decimal::from_i128_with_scale(oracle.orders_less_refunds(), 2);
    assert_eq!(ledger + left_out, decimal(NET), "{report}");
    assert_eq!(file.net, decimal(NET));
    assert!(report.adds_up());
    assert_figures(&report);
    assert_ledger(&oracle, &report);
}

#[track_caller]
fn assert_figures(report: &Report) {
    for (rule, count, sum) in LEFT_OUT {
        let tally = report.left_out(rule);
        assert_eq!((tally.count, tally.sum), (count, decimal(sum)), "{rule:?}");
    }
    for (rule, count, sum) in KEPT {
        let tally = report.kept(rule);
        assert_eq!((tally.count, tally.sum), (count, decimal(sum)), "{rule:?}");
    }
    assert_eq!(report.rows, 541_909);
}

#[track_caller]
fn assert_ledger(oracle: &Oracle, report: &Report) {
    assert_eq!(oracle.events, report.events);
    assert_eq!(oracle.wallets.len(), 4372);
    assert_eq!(oracle.orders.len(), 19_959);
    let without_wallet = oracle.orders.values().filter(|order| order.wallet.is_none());
    assert_eq!(without_wallet.count(), 1427);
    assert_eq!(oracle.refunds_in(State::Succeeded), (3625, 29_368_822));
    assert_eq!(oracle.refunds_in(State::Approved), (141, 17_299_045));
    assert_eq!(oracle.refunds_in(State::Requested), (96, 307_515));
    for (id, refund) in &oracle.refunds {
        let pending = refund.state != State::Succeeded;
        assert_eq!(pending, refund.requested.as_str() > PENDING_FROM, "{id}");
    }
    // The largest credit note of the file: twelve minutes after its sale, on the last morning.
    let largest = &oracle.refunds["R-C581484-581483"];
    assert_eq!((largest.amount, largest.state), (16_846_960, State::Approved));
    // The largest invoice: 1,114 rows, of which only some are listed. Its total is complete.
    let largest = &oracle.orders["O-573585"];
    assert_eq!(largest.lines as u64 + largest.lines_omitted, 1114);
}
