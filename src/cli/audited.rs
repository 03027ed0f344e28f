//! Audit entries for changes of operators from the command line: one entry before the change, and one after it with its
//! outcome. The actor is the user that the process runs as, according to the operating system.

use std::future::Future;

use super::{CliError, output::print_error};
use crate::{
    app_state::AccessStore,
    auth::operators::OperatorError,
    domain::audit::{AuditOutcome, NewEntry},
};

/// Characters of a user's name that are kept.
const USER_MAX: usize = 64;

/// The actor of audit entries: `cli:USER`.
pub fn actor() -> String {
    let user: String = user()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(USER_MAX)
        .collect();
    format!("cli:{user}")
}

/// The name of the effective user of this process, or their number if they have no name.
fn user() -> String {
    let id = uzers::get_effective_uid();
    match uzers::get_user_by_uid(id) {
        Some(user) => user.name().to_string_lossy().into_owned(),
        None => id.to_string(),
    }
}

/// Runs `work` between two entries of the audit trail. If the first entry can't be written, `work` does not run.
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
        // The work is done already, so its result is still returned.
        print_error(&format!(
            "{error}; the trail has the start of this act, but not its outcome"
        ));
    }
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_actor_is_the_user_that_id_prints() {
        let id = |flag: &str| std::process::Command::new("id").arg(flag).output().unwrap();
        // A user without a name has only a number.
        let shown = Some(id("-un"))
            .filter(|shown| shown.status.success())
            .unwrap_or_else(|| id("-u"));
        let name = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(actor(), format!("cli:{}", name.trim()));
    }
}
