//! `ledgerscope findings`: what does not fit together across wallets and orders. The rules of findings are in `domain`.

use serde::Serialize;

use super::{
    Listed, RowCount,
    wallets::{code, moment},
};
use crate::{
    cli::output::{Column, plain},
    views::{findings::FindingRow, lists::ListName},
};

impl Listed for FindingRow {
    const LIST: ListName = ListName::Findings;
    const COLUMNS: &'static [Column] = &[
        Column::Left("severity"),
        Column::Left("finding"),
        Column::Right("amount"),
        Column::Left(""),
        Column::Left("since"),
        Column::Left("explanation"),
    ];
    type Totals = RowCount;

    fn json(&self) -> impl Serialize {
        self
    }

    fn cells(&self) -> Vec<String> {
        let finding = &self.finding;
        vec![
            finding.severity.to_string(),
            finding.finding.to_string(),
            finding.amount.map_or_else(String::new, |amount| amount.to_string()),
            code(finding.currency),
            moment(finding.since),
            plain(&finding.explanation),
        ]
    }
}
