//! What people do about people from the command line is in the audit trail like everything else: begun before it is done,
//! and how it ended after it. The actor is the user of this machine, which the operating system knows and the user can't
//! choose.

use std::future::Future;

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
    let id = uzers::get_effective_uid();
    match uzers::get_user_by_uid(id) {
        Some(user) => user.name().to_string_lossy().into_owned(),
        None => id.to_string(),
    }
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
    if let Err(error) = access.audit.append(end).await {
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
        let id = |flag: &str| std::process::Command::new("id").arg(flag).output().unwrap();
        // A user without a name has only a number.
        let shown = Some(id("-un"))
            .filter(|shown| shown.status.success())
            .unwrap_or_else(|| id("-u"));
        let name = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(actor(), format!("cli:{}", name.trim()));
    }
}
