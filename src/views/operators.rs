//! The signed-in operator, the sign-in form, and the form that changes an operator.

use serde::{Deserialize, Serialize};

use crate::domain::access::{Limit, OperatorName, Role, Secret};

/// The signed-in operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub name: OperatorName,
    pub role: Role,
    /// Sent with every form of this session. The server refuses a form without it.
    pub form_token: String,
    /// Whether this is one of the demo operators that `make serve` creates. Every page says so.
    pub demo: bool,
    /// Whether the operator needs a code of their authenticator besides the password.
    pub totp: bool,
    /// By currency. A compensation in a currency without a limit always needs an approval.
    pub limits: Vec<Limit>,
}

/// The form to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    pub name: String,
    pub password: Secret,
    /// The code of the authenticator, if the operator has one.
    pub code: Secret,
    /// Path and query of this site to go to afterwards.
    pub next: String,
}

/// The form with which an administrator changes an operator. Fields that an act does not use are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperatorForm {
    /// `add`, `disable`, `enable`, `reset`, `role` or `limits`.
    pub act: String,
    pub name: String,
    pub title: String,
    pub role: String,
    /// One limit a line, for example `EUR 500.00 2000.00`: the currency, the limit of one compensation, the limit of
    /// one day.
    pub limits: String,
    /// The administrator's own password, needed if the last proof is too old.
    pub password: Secret,
    pub code: Secret,
    pub form_token: String,
}

/// The answer to an [`OperatorForm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAnswer {
    pub name: OperatorName,
    /// The new password after `add` and `reset`. It is never shown again.
    pub password: Option<String>,
}
