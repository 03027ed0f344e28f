//! Demo operators: one a role, and a second of finance, because an approval needs two people. They are marked as demo
//! operators, and every page says so. Their passwords are random.

use super::entry;
use crate::{
    app_state::AccessStore,
    auth::operators::NewOperator,
    cli::{
        CliError,
        audited::{actor, audited},
        output::{Column, Output, table},
    },
    domain::{
        access::{Act, Limit, OperatorName, Role},
        money::Money,
    },
};

const PEOPLE: [(&str, Role); 5] = [
    ("demo-viewer", Role::Viewer),
    ("demo-support", Role::Support),
    ("demo-finance", Role::Finance),
    ("demo-finance2", Role::Finance),
    ("demo-admin", Role::Admin),
];
const CURRENCIES: [&str; 3] = ["EUR", "GBP", "USD"];
/// Limits of what may be issued alone: at once, and in a day.
const SINGLE: &str = "100";
const DAILY: &str = "500";

pub async fn run(access: &AccessStore) -> Result<(), CliError> {
    let mut out = Output::new();
    if !access.auth.operators().list().await?.is_empty() {
        out.line("there are operators already; no demo operator was added")?;
        out.finish()?;
        return Ok(());
    }
    let mut rows = table(&[Column::Left("name"), Column::Left("role"), Column::Left("password")]);
    for (name, role) in PEOPLE {
        let new = person(name, role)?;
        let (entry, actor) = (
            entry("add", &new.name).detail(format!("as {role}, for a demo")),
            actor(),
        );
        let credentials = audited(access, entry, access.auth.operators().add(new, &actor)).await?;
        rows.add_row([credentials.name.to_string(), role.to_string(), credentials.password.0]);
    }
    out.line("Demo operators; their passwords are shown only once:")?;
    out.table(&rows)?;
    out.finish()?;
    Ok(())
}

fn person(name: &str, role: Role) -> Result<NewOperator, CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Negative(error.to_string());
    Ok(NewOperator {
        name: OperatorName::new(name).map_err(|error| wrong(&error))?,
        title: None,
        role,
        limits: if role.can(Act::Issue) { limits()? } else { Vec::new() },
        password: None,
        totp: false,
        demo: true,
    })
}

fn limits() -> Result<Vec<Limit>, CliError> {
    let amount = |text, code: &str| code.parse().and_then(|currency| Money::parse(text, currency));
    let limit = |code| {
        Ok(Limit {
            single: amount(SINGLE, code)?,
            daily: amount(DAILY, code)?,
        })
    };
    let limits: Result<_, crate::domain::money::MoneyError> = CURRENCIES.into_iter().map(limit).collect();
    limits.map_err(|error| CliError::Negative(error.to_string()))
}
