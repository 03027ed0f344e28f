//! What people do about people from the command line is in the audit trail like everything else: begun before it is done,
//! and how it ended after it. The actor is the user of this machine, which the operating system knows and the user can't
//! choose.

use std::{env, fs, future::Future, os::unix::fs::MetadataExt as _};

use super::{CliError, output::complain};
use crate::{
    app_state::AccessStore,
    auth::operators::OperatorError,
    domain::audit::{AuditOutcome, NewEntry},
};

/// Letters of a user's name that are kept.
const USER_MAX: usize = 64;

/// `cli:USER`.
pub fn actor() -> String {
    let user: String = user()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(USER_MAX)
        .collect();
    format!("cli:{user}")
}

/// The name of the user that this process runs as, or their number where they have none.
fn user() -> String {
    // A process owns its own entry. Elsewhere than on Linux there is none, and the environment has to be believed.
    let Ok(process) = fs::metadata("/proc/self") else {
        return env::var("USER").unwrap_or_else(|_| "unknown".into());
    };
    let id = process.uid().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(&id, &users).unwrap_or(id)
}

fn name_of(id: &str, users: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id && !name.is_empty()).then(|| name.to_owned())
    })
}

/// Does `work` between two entries of the trail. Where the first can't be written, nothing is done.
pub async fn audited<T>(
    access: &AccessStore,
    entry: NewEntry,
    work: impl Future<Output = Result<T, OperatorError>>,
) -> Result<T, CliError> {
    access.audit.begin(&entry).await?;
    let done = work.await;
    let end = match &done {
        Ok(_) => entry.ended(AuditOutcome::Done),
        Err(error @ OperatorError::Unavailable(_)) => entry.ended(AuditOutcome::Failed).detail(error.to_string()),
        Err(error) => entry.ended(AuditOutcome::Refused).detail(error.to_string()),
    };
    if let Err(error) = access.audit.record(end).await {
        // What was done stays done, and what it gave is not kept from whoever waits for it.
        complain(&format!("{error}; it says that this was begun, and not how it ended"));
    }
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_as_the_machine_names_them() {
        let users = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:100::/home/ada:/bin/sh\n";
        assert_eq!(name_of("1000", users).as_deref(), Some("ada"));
        assert_eq!(name_of("100", users), None);
        assert!(actor().starts_with("cli:") && actor().len() > 4);
    }
}
