//! The pages of compensations: the form with its preview, the forms that issue and approve, lists of cases, and the
//! page of one case.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::events::Recent;
use crate::domain::{
    access::Secret,
    compensation::{
        case::{Case, CaseState, CaseStatus},
        command::{Command, CommandName, Pin},
        decide::{Figures, Rejection, Step, Warning},
        draft::Draft,
    },
    event::Entry,
    form::FieldError,
    ids::{Domain, EntityId},
    money::{Currency, Money},
};

/// Whether a compensation can be issued at once or needs somebody else's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Route {
    #[error("it is within your limit and will be issued at once")]
    Issue,
    #[error("your role can only propose; an operator of finance has to approve")]
    RoleProposes,
    #[error("you have no limit in {currency}; another operator of finance has to approve")]
    NoLimit { currency: Currency },
    #[error("it is above your limit of {limit}; another operator of finance has to approve")]
    AboveSingle { limit: Money },
    #[error(
        "with the amounts that you issued today it exceeds your daily limit of {limit}; another operator of finance has to \
         approve"
    )]
    AboveDaily { limit: Money },
    #[error("one of the warnings requires an approval; another operator of finance has to approve")]
    Doubtful,
}

impl Route {
    pub const fn is_issue(&self) -> bool {
        matches!(self, Self::Issue)
    }
}

/// The effect that a compensation would have. A preview writes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// A new id, the same for every attempt of this form. It makes a double click one case.
    pub case: EntityId,
    pub command: Command,
    pub command_hash: String,
    /// The positions of the streams that the decision was made on.
    pub pins: Vec<Pin>,
    pub before: Figures,
    pub after: Figures,
    pub steps: Vec<Step>,
    pub amount: Money,
    pub warnings: Vec<Warning>,
    pub route: Route,
    /// The operator has to type the amount again.
    pub retype: bool,
    /// The operator has to give the password again.
    pub password_needed: bool,
    /// The operator has to give a code of the authenticator with the password.
    pub code_needed: bool,
    /// The last time for an approval, if the compensation becomes a proposal.
    pub expires_at: DateTime<Utc>,
}

/// The result of a form so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormOutcome {
    /// Nothing was filled in yet.
    Untouched,
    Mistake(FieldError),
    Rejected(Rejection),
    Ready(Box<Preview>),
}

/// The form of one command on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormView {
    pub name: CommandName,
    pub domain: Domain,
    pub subject: EntityId,
    /// The event, hold or refund that the command names.
    pub item: Option<String>,
    pub currency: Option<Currency>,
    /// The current figures.
    pub figures: Figures,
    /// The amount of the refund or hold, or the part of the entry that is not reversed yet.
    pub item_amount: Option<Decimal>,
    pub outcome: FormOutcome,
    /// Events appended to the streams since the positions of the request.
    pub news: Vec<Recent>,
    pub now: DateTime<Utc>,
}

/// The form as it is sent to be issued or proposed: the text that the operator typed, and the preview that they saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confirmation {
    #[serde(flatten)]
    pub draft: Draft,
    pub case: String,
    pub command_hash: String,
    /// [`pins_text`](crate::domain::compensation::command::pins_text) of the preview.
    pub seen: String,
    pub amount_again: String,
    pub password: Secret,
    pub code: Secret,
    pub form_token: String,
}

/// The form with which an approver approves or declines a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalForm {
    pub case: String,
    pub command_hash: String,
    pub note: String,
    pub password: Secret,
    pub code: Secret,
    pub form_token: String,
}

/// A case in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRow {
    pub id: EntityId,
    pub name: CommandName,
    pub domain: Domain,
    pub subject: EntityId,
    pub refund: Option<String>,
    pub amount: Money,
    pub status: CaseStatus,
    pub status_since: DateTime<Utc>,
    pub proposer: String,
    pub proposed_at: DateTime<Utc>,
    /// The time at which the proposal expires, while the case waits for an approval.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who approved or declined it.
    pub decided_by: Option<String>,
    /// The streams that it appends to, such as `wallet W-1`.
    pub subjects: Vec<String>,
}

impl CaseRow {
    /// `None` if the case has no readable proposal.
    pub fn of(case: &Case) -> Option<Self> {
        let state = &case.state;
        let proposal = state.proposal.as_ref()?;
        let action = &proposal.command.action;
        let (domain, subject) = action.subject();
        Some(Self {
            id: case.id.clone(),
            name: action.name(),
            domain,
            subject: subject.clone(),
            refund: action.refund().map(str::to_owned),
            amount: proposal.amount,
            status: state.status.unwrap_or(CaseStatus::Proposed),
            status_since: state.status_since?,
            proposer: state.proposer.clone(),
            proposed_at: state.proposed_at?,
            expires_at: state.awaits_approval().then_some(proposal.expires_at),
            decided_by: state.decided_by.clone(),
            subjects: proposal
                .pins()
                .map(|pin| format!("{} {}", pin.domain, pin.id))
                .collect(),
        })
    }
}

/// A case's page.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says what one button of the page needs"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseView {
    pub row: CaseRow,
    pub state: CaseState,
    /// The events of the case, as they were written.
    pub story: Vec<Entry>,
    /// Events appended to its streams since the positions that the case is bound to. If there are any, an approval is
    /// refused.
    pub news: Vec<Recent>,
    /// Whether the reader is allowed to approve and decline the case.
    pub can_decide: bool,
    /// Why the reader can't approve the case, if the role alone would allow it.
    pub why_not: Option<String>,
    /// Whether the reader is allowed to withdraw the case.
    pub can_withdraw: bool,
    pub password_needed: bool,
    pub code_needed: bool,
    pub now: DateTime<Utc>,
}
