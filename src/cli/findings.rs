//! `ledgerscope findings`: folds every wallet and every order and lists what does not fit together (contract §8). The
//! rules are the domain's; here they are only fed and printed.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    CliError,
    output::{Column, Output, count, plain, table},
    scan,
    settings::Settings,
};
use crate::domain::{
    event::format_time,
    findings::{Finding, OrderFacts, WalletFacts, findings},
    fold::Fold,
    ids::{Domain, EntityId},
    order::OrderState,
    replay::Filter,
    wallet::WalletState,
};

#[derive(Args, Debug)]
pub struct FindingsArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, args: &FindingsArgs) -> Result<(), CliError> {
    let (wallet_log, order_log) = (settings.log_of(Domain::Wallet)?, settings.log_of(Domain::Order)?);
    let everything = Filter::default();
    // Orders first. A refund that is settled in between then looks credited and not succeeded, which it was for a moment;
    // the other way round it would look succeeded and never credited, which is a graver thing to say falsely.
    let orders = scan::folds::<OrderState>(&*order_log, &everything).await?;
    let wallets = scan::folds::<WalletState>(&*wallet_log, &everything).await?;
    let found = judge(&wallets, &orders, Utc::now());
    let mut out = Output::new();
    if args.json {
        for finding in &found {
            out.json(finding)?;
        }
    } else {
        print(&mut out, &found)?;
    }
    out.finish()?;
    Ok(())
}

fn judge(
    wallets: &[(EntityId, Fold<WalletState>)],
    orders: &[(EntityId, Fold<OrderState>)],
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let wallets: Vec<_> = wallets
        .iter()
        .map(|(id, fold)| WalletFacts {
            id,
            state: &fold.state,
            complete: fold.complete,
        })
        .collect();
    let orders: Vec<_> = orders
        .iter()
        .map(|(id, fold)| OrderFacts {
            id,
            state: &fold.state,
            complete: fold.complete,
        })
        .collect();
    findings(&wallets, &orders, now)
}

fn print(out: &mut Output, found: &[Finding]) -> Result<(), CliError> {
    let mut rows = table(&[
        Column::Left("severity"),
        Column::Left("finding"),
        Column::Right("amount"),
        Column::Left(""),
        Column::Left("since"),
        Column::Left("explanation"),
    ]);
    for finding in found {
        rows.add_row([
            finding.severity.to_string(),
            finding.finding.to_string(),
            finding.amount.map_or_else(String::new, |amount| amount.to_string()),
            finding.currency.map_or_else(String::new, String::from),
            finding.since.map_or_else(String::new, format_time),
            plain(&finding.explanation),
        ]);
    }
    out.table(&rows)?;
    out.line("")?;
    out.line(&count(found.len(), "finding"))?;
    Ok(())
}
