//! Output of the `operator` commands.

use crate::{
    auth::operators::{Credentials, Operator, totp_uri},
    cli::{
        CliError,
        output::{Column, Output, plain, table},
    },
    domain::access::Limit,
};

/// Prints one line.
pub fn done(line: &str) -> Result<(), CliError> {
    let mut out = Output::new();
    out.line(line)?;
    out.finish()?;
    Ok(())
}

/// Prints what was done, and the credentials that are shown only once. A password that was read from standard input
/// (`known`) is not printed.
pub fn credentials(line: &str, credentials: &Credentials, known: bool) -> Result<(), CliError> {
    let mut out = Output::new();
    out.line(line)?;
    if !known {
        out.line(&format!("password: {}", credentials.password.0))?;
    }
    if let Some(secret) = &credentials.totp {
        out.line(&format!("authenticator: {}", totp_uri(&credentials.name, secret)))?;
    }
    out.finish()?;
    Ok(())
}

pub fn list(operators: &[Operator], json: bool) -> Result<(), CliError> {
    let mut out = Output::new();
    if json {
        for operator in operators {
            out.json(&operator.row())?;
        }
        out.finish()?;
        return Ok(());
    }
    let mut rows = table(&[
        Column::Left("name"),
        Column::Left("role"),
        Column::Left("state"),
        Column::Left("code"),
        Column::Left("issues without approval"),
        Column::Left("person"),
    ]);
    for operator in operators {
        let state = if operator.disabled { "disabled" } else { "enabled" };
        rows.add_row([
            operator.name.to_string(),
            operator.role.to_string(),
            format!("{state}{}", if operator.demo { ", demo" } else { "" }),
            if operator.has_totp() { "yes" } else { "no" }.to_owned(),
            limits(&operator.limits),
            plain(operator.title.as_deref().unwrap_or_default()),
        ]);
    }
    out.table(&rows)?;
    out.finish()?;
    Ok(())
}

/// Formats limits as the flag takes them: `EUR=500.00/2000.00`.
pub fn limits(limits: &[Limit]) -> String {
    if limits.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<_> = limits
        .iter()
        .map(|limit| {
            format!(
                "{}={}/{}",
                limit.currency(),
                limit.single.amount(),
                limit.daily.amount()
            )
        })
        .collect();
    shown.join(" ")
}
