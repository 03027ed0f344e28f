//! Converts rows and checks the events and the report. Every conversion in these tests passes through the oracle and
//! must add up, so a test only checks what is particular about its rows.

use std::io::Write;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    oracle::Oracle,
    retail::{
        convert::convert,
        report::{Kept, LeftOut, Report},
        rows,
    },
};

pub const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// A conversion that passed the oracle.
pub struct Converted {
    pub report: Report,
    pub oracle: Oracle,
    pub written: Vec<u8>,
}

/// Converts rows `number,article,quantity,day and time,price,customer` (the title and the country are made up).
#[track_caller]
pub fn given<'a>(rows: impl IntoIterator<Item = &'a str>) -> Converted {
    given_csv(&csv(rows))
}

/// The file that [`given`] converts.
pub fn csv<'a>(rows: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = HEADER.to_owned();
    for row in rows {
        let [number, article, quantity, time, price, customer] = row.split(',').map(str::trim).collect::<Vec<_>>()[..]
        else {
            panic!("a row has six fields: {row}");
        };
        let line = format!("{number},{article},A thing,{quantity},2011-{time}:00,{price},{customer},France\n");
        text.push_str(&line);
    }
    text
}

#[track_caller]
pub fn given_csv(csv: &str) -> Converted {
    let file = rows::read(csv.as_bytes()).expect("rows that can be read");
    let mut written = Vec::new();
    let report = convert(&file, &mut written).expect("a buffer takes everything");
    let mut oracle = Oracle::default();
    oracle.write_all(&written).expect("the oracle takes everything");
    oracle.finish();
    assert!(report.adds_up(), "{report}");
    let ledger = Decimal::from_i128_with_scale(oracle.orders_less_refunds(), 2);
    let left_out: Decimal = LeftOut::ALL.map(|rule| report.left_out(rule).sum).iter().sum();
    assert_eq!(ledger + left_out, file.net, "{report}");
    Converted {
        report,
        oracle,
        written,
    }
}

impl Converted {
    /// The count and the sum of what a rule left out. Checks that no other rule left anything out.
    #[track_caller]
    pub fn only_left_out(&self, rule: LeftOut) -> (u64, String) {
        for other in LeftOut::ALL.into_iter().filter(|other| *other != rule) {
            assert_eq!(self.report.left_out(other).count, 0, "{other:?}");
        }
        self.left_out(rule)
    }

    pub fn left_out(&self, rule: LeftOut) -> (u64, String) {
        let tally = self.report.left_out(rule);
        (tally.count, tally.sum.to_string())
    }

    pub fn kept(&self, rule: Kept) -> (u64, String) {
        let tally = self.report.kept(rule);
        (tally.count, tally.sum.to_string())
    }

    /// The types of a stream's events.
    pub fn types(&self, subject: &str) -> Vec<String> {
        self.events()
            .filter(|event| event["subject"] == subject)
            .map(|event| event["type"].as_str().expect("a type").to_owned())
            .collect()
    }

    pub fn events(&self) -> impl Iterator<Item = Value> {
        serde_json::Deserializer::from_slice(&self.written)
            .into_iter()
            .map(|event| event.expect("JSON"))
    }
}
