//! `ledgerscope operator`: adds, changes and lists operators. A generated password is printed once on standard output
//! and is stored only as a hash. Hashes and authenticator secrets are never listed.

mod demo;
mod print;

use std::io::{self, Read as _};

use clap::{Args, Subcommand};

use super::{
    CliError,
    audited::{actor, audited},
    settings::Settings,
};
use crate::{
    app_state::AccessStore,
    auth::{Rules, operators::NewOperator},
    domain::{
        access::{Limit, OperatorName, Role, Secret},
        audit::{AuditOutcome, NewEntry},
        money::{Currency, Money},
    },
};

/// Bytes of standard input that are read as a password.
const PASSWORD_BYTES: u64 = 1_024;

#[derive(Args, Debug)]
pub struct OperatorArgs {
    #[command(subcommand)]
    command: OperatorCommand,
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Add an operator; prints the generated password, once
    Add(AddArgs),
    /// Disable an operator and end their sessions
    Disable(NameArgs),
    /// Enable a disabled operator
    Enable(NameArgs),
    /// Set a new password for an operator and end their sessions; prints a generated password, once
    Reset(ResetArgs),
    /// Replace an operator's limits of what they may issue without an approval
    Limits(LimitsArgs),
    /// List operators
    List(ListArgs),
    /// Add one demo operator for each role, if there are no operators; prints their passwords, once
    Demo,
}

#[derive(Args, Debug)]
struct NameArgs {
    /// The name to sign in with: lower case letters, digits, dots, underscores, hyphens
    #[arg(value_name = "NAME")]
    name: OperatorName,
}

#[derive(Args, Debug)]
struct AddArgs {
    #[command(flatten)]
    who: NameArgs,
    /// viewer, support, finance or admin
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// The person's name, as it is shown
    #[arg(long = "name", id = "title", value_name = "TEXT")]
    title: Option<String>,
    /// Limits without an approval, for one compensation and for one day, as in EUR=500/2000; once per currency
    #[arg(long = "limit", value_name = "CUR=SINGLE/DAILY", value_parser = limit)]
    limits: Vec<Limit>,
    /// Read the password from standard input instead of generating one
    #[arg(long)]
    password_stdin: bool,
    /// Also require codes of an authenticator; prints its address, once
    #[arg(long)]
    totp: bool,
}

#[derive(Args, Debug)]
struct ResetArgs {
    #[command(flatten)]
    who: NameArgs,
    /// Read the password from standard input instead of generating one
    #[arg(long)]
    password_stdin: bool,
    /// Also set up a new authenticator; prints its address, once
    #[arg(long, conflicts_with = "no_totp")]
    totp: bool,
    /// Stop requiring codes of an authenticator
    #[arg(long)]
    no_totp: bool,
}

#[derive(Args, Debug)]
struct LimitsArgs {
    #[command(flatten)]
    who: NameArgs,
    /// As in EUR=500/2000; once per currency; without any, every compensation needs an approval
    #[arg(long = "limit", value_name = "CUR=SINGLE/DAILY", value_parser = limit)]
    limits: Vec<Limit>,
}

#[derive(Args, Debug)]
struct ListArgs {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, args: OperatorArgs) -> Result<(), CliError> {
    let (access, actor) = (settings.access(Rules::default())?, actor());
    match args.command {
        OperatorCommand::Add(args) => add(&access, args).await,
        OperatorCommand::Disable(NameArgs { name }) => {
            let work = access.auth.operators().disable(&name, &actor);
            audited(&access, entry("disable", &name), work).await?;
            print::done(&format!("{name} is disabled; their sessions have ended"))
        }
        OperatorCommand::Enable(NameArgs { name }) => {
            let work = access.auth.operators().enable(&name, &actor);
            audited(&access, entry("enable", &name), work).await?;
            print::done(&format!("{name} is enabled"))
        }
        OperatorCommand::Reset(args) => reset(&access, args).await,
        OperatorCommand::Limits(args) => limits(&access, args).await,
        OperatorCommand::List(args) => print::list(&access.auth.operators().list().await?, args.json),
        OperatorCommand::Demo => demo::run(&access).await,
    }
}

async fn add(access: &AccessStore, args: AddArgs) -> Result<(), CliError> {
    let name = args.who.name;
    let new = NewOperator {
        name: name.clone(),
        title: args.title,
        role: args.role,
        limits: args.limits,
        password: password(args.password_stdin)?,
        totp: args.totp,
        demo: false,
    };
    let actor = actor();
    let work = access.auth.operators().add(new, &actor);
    let credentials = audited(access, entry("add", &name).detail(format!("as {}", args.role)), work).await?;
    print::credentials(
        &format!("{name} is added as {}", args.role),
        &credentials,
        args.password_stdin,
    )
}

async fn reset(access: &AccessStore, args: ResetArgs) -> Result<(), CliError> {
    let (name, actor, operators) = (&args.who.name, actor(), access.auth.operators());
    let password = password(args.password_stdin)?;
    let work = async {
        // The authenticator is changed first. If the second step of the opposite order failed, nobody would know the
        // new password.
        let totp = match (args.totp, args.no_totp) {
            (true, _) => Some(operators.set_totp(name, &actor).await?),
            (false, true) => {
                operators.remove_totp(name, &actor).await?;
                None
            }
            (false, false) => None,
        };
        let mut credentials = operators.reset(name, password, &actor).await?;
        credentials.totp = totp;
        Ok(credentials)
    };
    let credentials = audited(access, entry("reset", name), work).await?;
    let done = format!("{name} has a new password; their sessions have ended");
    print::credentials(&done, &credentials, args.password_stdin)
}

async fn limits(access: &AccessStore, args: LimitsArgs) -> Result<(), CliError> {
    let (name, actor) = (&args.who.name, actor());
    let shown = print::limits(&args.limits);
    let work = access.auth.operators().set_limits(name, &args.limits, &actor);
    audited(access, entry("limits", name).detail(shown.clone()), work).await?;
    print::done(&format!("{name} may issue without an approval: {shown}"))
}

fn entry(act: &str, name: &OperatorName) -> NewEntry {
    NewEntry::new(actor(), format!("operator.{act}"), AuditOutcome::Done).about(format!("operator {name}"))
}

/// Reads the password from standard input, without its line break.
fn password(from_stdin: bool) -> Result<Option<Secret>, CliError> {
    if !from_stdin {
        return Ok(None);
    }
    let mut text = String::new();
    let read = io::stdin().take(PASSWORD_BYTES).read_to_string(&mut text);
    read.map_err(|_| CliError::Usage("the password on standard input is not UTF-8 text".into()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Some(Secret(line.to_owned())))
}

/// Parses `EUR=500/2000`.
fn limit(text: &str) -> Result<Limit, String> {
    let wrong = || format!("'{text}' is not a limit such as EUR=500/2000");
    let (currency, amounts) = text.split_once('=').ok_or_else(wrong)?;
    let (single, daily) = amounts.split_once('/').ok_or_else(wrong)?;
    let currency: Currency = currency.parse().map_err(|error| format!("{error}"))?;
    let amount = |text: &str| Money::parse(text, currency).map_err(|error| error.to_string());
    Ok(Limit {
        single: amount(single)?,
        daily: amount(daily)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_currency_and_two_amounts() {
        let read = limit("EUR=500/2000.5").unwrap();
        assert_eq!(
            (read.single.to_string(), read.daily.to_string()),
            ("500.00 EUR".into(), "2000.50 EUR".into())
        );
        for bad in [
            "",
            "EUR",
            "EUR=5",
            "EUR=5/",
            "EUR=/5",
            "eur=1/2",
            "EUR=-1/2",
            "JPY=1.5/2",
            "EUR=1/2/3",
            "EUR=0/1",
        ] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
