//! `ledgerscope cases`: the cases of compensations, read from the compensation store into a temporary read model.

use serde::Serialize;

use super::{ListArgs, Listed, RowCount, print};
use crate::{
    cli::{
        CliError,
        output::{Column, plain},
        settings::Settings,
    },
    domain::{
        compensation::{case::CaseStatus, command::CommandName},
        event::format_time,
        ids::{EntityId, LogName},
        money::Currency,
    },
    read_model::cases::{Cases, CasesError},
    views::{
        compensations::CaseRow,
        lists::{ListName, ListQuery},
    },
};

pub async fn run(settings: &Settings, args: &ListArgs<CaseRow>) -> Result<(), CliError> {
    let asked = args.asked()?;
    let log = settings.existing_log_of(LogName::Compensation)?;
    let cases = Cases::temporary(log)?;
    let next = async |query: &ListQuery| loop {
        match cases.list(query).await {
            // There are more cases than one call reads. The next call reads on.
            Err(CasesError::Loading) => {}
            listed => return Ok(listed?),
        }
    };
    print(&asked, args.json, next).await
}

/// The fields of contract §8, in its order.
#[derive(Serialize)]
struct CaseLine<'a> {
    case: &'a EntityId,
    command: CommandName,
    state: CaseStatus,
    amount: String,
    currency: Currency,
    proposed_by: &'a str,
    proposed_at: String,
    decided_by: Option<&'a str>,
    subjects: &'a [String],
}

impl Listed for CaseRow {
    const LIST: ListName = ListName::Cases;
    const COLUMNS: &'static [Column] = &[
        Column::Left("case"),
        Column::Left("command"),
        Column::Left("state"),
        Column::Right("amount"),
        Column::Left(""),
        Column::Left("subjects"),
        Column::Left("proposed by"),
        Column::Left("proposed"),
        Column::Left("decided by"),
    ];
    type Totals = RowCount;

    fn json(&self) -> impl Serialize {
        CaseLine {
            case: &self.id,
            command: self.name,
            state: self.status,
            amount: self.amount.amount().to_string(),
            currency: self.amount.currency(),
            proposed_by: &self.proposer,
            proposed_at: format_time(self.proposed_at),
            decided_by: self.decided_by.as_deref(),
            subjects: &self.subjects,
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.name.to_string(),
            self.status.to_string(),
            self.amount.amount().to_string(),
            self.amount.currency().to_string(),
            plain(&self.subjects.join(", ")),
            plain(&self.proposer),
            format_time(self.proposed_at),
            plain(self.decided_by.as_deref().unwrap_or("")),
        ]
    }
}
