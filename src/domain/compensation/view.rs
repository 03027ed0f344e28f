//! What the pages of a compensation ask and get: the form with its preview, what is sent to issue it, lists of cases and one
//! case's story.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    case::{CaseState, CaseStatus},
    command::{Command, CommandName, Pin},
    decide::{Figures, Rejection, Step, Warning},
    draft::{Draft, FieldError},
};
use crate::domain::{
    access::Secret,
    event::Entry,
    ids::{Domain, EntityId},
    listing::Recent,
    money::{Currency, Money},
};

/// Cases on a page of a list.
pub const CASES_ON_A_PAGE: u32 = 50;

/// Whether a compensation can be issued at once or needs somebody else's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Route {
    #[error("it is within your limit and will be issued at once")]
    Issue,
    #[error("your role proposes; somebody of finance has to approve")]
    RoleProposes,
    #[error("you have no limit in {currency}; somebody else of finance has to approve")]
    NoLimit { currency: Currency },
    #[error("it is above your limit of {limit}; somebody else of finance has to approve")]
    AboveSingle { limit: Money },
    #[error(
        "with what you issued today it is above your daily limit of {limit}; somebody else of finance has to approve"
    )]
    AboveDaily { limit: Money },
    #[error("the warning below asks for a second pair of eyes; somebody else of finance has to approve")]
    Doubtful,
}

impl Route {
    pub const fn is_issue(&self) -> bool {
        matches!(self, Self::Issue)
    }
}

/// What would happen. Nothing was written for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Fresh, and the same for every try of this form: what makes a double click one case.
    pub case: EntityId,
    pub command: Command,
    pub command_hash: String,
    /// Where the streams were that it was decided on.
    pub pins: Vec<Pin>,
    pub before: Figures,
    pub after: Figures,
    pub steps: Vec<Step>,
    pub amount: Money,
    pub warnings: Vec<Warning>,
    pub route: Route,
    /// The amount has to be typed again.
    pub retype: bool,
    /// The password has to be given again.
    pub password_needed: bool,
    /// … and a code of the authenticator with it.
    pub code_needed: bool,
    /// Until when it could be approved, if it becomes a proposal.
    pub expires_at: DateTime<Utc>,
}

/// What came of a form so far.
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
    /// The event, hold or refund that it is about.
    pub item: Option<String>,
    pub currency: Option<Currency>,
    /// As they are now.
    pub figures: Figures,
    /// What of the item there is: the refund's or hold's amount, or what of the entry is not reversed yet.
    pub item_amount: Option<Decimal>,
    pub outcome: FormOutcome,
    /// The streams moved since the positions that were asked with: what was appended there.
    pub news: Vec<Recent>,
    pub now: DateTime<Utc>,
}

/// The form as it is sent to be issued or proposed: what was typed, and what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confirmation {
    pub command: String,
    pub subject: String,
    pub item: String,
    pub amount: String,
    pub reason: String,
    pub note: String,
    pub case: String,
    pub command_hash: String,
    /// [`super::command::pins_text`] of the preview.
    pub seen: String,
    pub amount_again: String,
    pub password: Secret,
    pub code: Secret,
    pub form_token: String,
}

impl Confirmation {
    pub fn draft(&self) -> Draft {
        Draft {
            command: self.command.clone(),
            subject: self.subject.clone(),
            item: self.item.clone(),
            amount: self.amount.clone(),
            reason: self.reason.clone(),
            note: self.note.clone(),
        }
    }
}

/// An approver's word on a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgementForm {
    pub case: String,
    pub command_hash: String,
    pub note: String,
    pub password: Secret,
    pub code: Secret,
    pub form_token: String,
}

/// Which cases a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseList {
    /// Those that wait for an approval that the reader may give.
    #[default]
    ForMe,
    /// Those that the reader proposed.
    Mine,
    /// Those that are not over.
    Open,
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CasesQuery {
    pub list: CaseList,
    /// From 1.
    pub page: u32,
}

/// A case in a list, newest first.
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
    /// While it waits for an approval.
    pub expires_at: Option<DateTime<Utc>>,
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
    /// Its events, as they were written.
    pub story: Vec<Entry>,
    /// What was appended to its streams since the positions that it is bound to; an approval is refused where there is any.
    pub news: Vec<Recent>,
    /// The reader may approve and decline it.
    pub may_judge: bool,
    /// Why not, where the reader's role could.
    pub why_not: Option<String>,
    /// The reader may take it back.
    pub may_withdraw: bool,
    pub password_needed: bool,
    pub code_needed: bool,
    pub now: DateTime<Utc>,
}
