//! `ledgerscope findings`: what does not fit together across wallets and orders (contract §8), from a read model that is up to
//! date. The rules are the domain's; here their findings are only printed.

use chrono::Utc;
use clap::Args;

use super::{
    CliError,
    output::{Column, Output, count, paged_table, plain},
    refunds::say_unreadable,
    settings::Settings,
};
use crate::{
    domain::{event::format_time, findings::Finding, ids::Domain, replay::Filter},
    read_model::UpToDate,
};

#[derive(Args, Debug)]
pub struct FindingsArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, args: &FindingsArgs) -> Result<(), CliError> {
    let needed = Domain::ALL;
    let stores = settings.existing_stores(&needed)?;
    let model = UpToDate::open(&stores, &settings.of_read_model(), &needed, &Filter::default()).await?;
    let now = Utc::now();
    let pages = |each: &mut dyn FnMut(&[Finding]) -> Result<(), CliError>| {
        let mut after = None;
        loop {
            let (rows, next) = model.findings(now, after.as_ref())?;
            each(&rows)?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    };
    let mut out = Output::new();
    if args.json {
        pages(&mut |rows| {
            for row in rows {
                out.json(row)?;
            }
            Ok(())
        })?;
    } else {
        let mut found = 0;
        paged_table(&mut out, &COLUMNS, cells, pages)?;
        pages(&mut |rows| {
            found += rows.len();
            Ok(())
        })?;
        out.line("")?;
        out.line(&count(found, "finding"))?;
    }
    out.finish()?;
    say_unreadable(&model, &needed)
}

const COLUMNS: [Column; 6] = [
    Column::Left("severity"),
    Column::Left("finding"),
    Column::Right("amount"),
    Column::Left(""),
    Column::Left("since"),
    Column::Left("explanation"),
];

fn cells(finding: &Finding) -> Vec<String> {
    vec![
        finding.severity.to_string(),
        finding.finding.to_string(),
        finding.amount.map_or_else(String::new, |amount| amount.to_string()),
        finding.currency.map_or_else(String::new, String::from),
        finding.since.map_or_else(String::new, format_time),
        plain(&finding.explanation),
    ]
}
