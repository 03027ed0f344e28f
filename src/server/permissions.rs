//! The table of permissions: what each server function, page and download requires. Pages and downloads are checked
//! against it by `guard` and `export`. Server functions authorise by themselves (`api::context`); a test compares each
//! of them with the table for every role.

use crate::domain::access::{Act, Role};

/// What an address requires of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// No requirement.
    Public,
    /// A session of any role.
    SignedIn,
    /// A role that is allowed to do the act.
    May(Act),
}

impl Gate {
    /// Whether a signed-in caller with this role is allowed.
    pub const fn lets(self, role: Role) -> bool {
        match self {
            Self::Public | Self::SignedIn => true,
            Self::May(act) => role.can(act),
        }
    }
}

use Gate::{May, Public, SignedIn};

/// A server function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The path below `/api/`.
    pub name: &'static str,
    pub gate: Gate,
    /// Whether the function writes. The rate limits count writes apart from reads.
    pub writes: bool,
}

const fn asks(name: &'static str, gate: Gate) -> Function {
    Function {
        name,
        gate,
        writes: false,
    }
}

const fn does(name: &'static str, gate: Gate) -> Function {
    Function {
        name,
        gate,
        writes: true,
    }
}

/// Every server function.
pub const FUNCTIONS: &[Function] = &[
    does("sign-in", Public),
    does("sign-out", SignedIn),
    // On every page, so administrators need these, too.
    asks("health", SignedIn),
    asks("approvals-waiting", SignedIn),
    asks("overview", May(Act::Read)),
    asks("findings", May(Act::Read)),
    asks("customers", May(Act::Read)),
    asks("customer", May(Act::Read)),
    asks("holds", May(Act::Read)),
    asks("wallets", May(Act::Read)),
    asks("wallet", May(Act::Read)),
    asks("wallet-history", May(Act::Read)),
    asks("orders", May(Act::Read)),
    asks("order", May(Act::Read)),
    asks("refunds", May(Act::Read)),
    asks("refund", May(Act::Read)),
    asks("event", May(Act::Read)),
    asks("search", May(Act::Read)),
    asks("cases", May(Act::Read)),
    asks("compensation", May(Act::Read)),
    asks("compensation-form", May(Act::Propose)),
    does("customer-look-up", May(Act::LookUp)),
    does("compensation-issue", May(Act::Propose)),
    does("compensation-withdraw", May(Act::Propose)),
    does("compensation-approve", May(Act::Approve)),
    does("compensation-decline", May(Act::Approve)),
    asks("operators", May(Act::ManageOperators)),
    does("operator-change", May(Act::ManageOperators)),
    asks("audit", May(Act::Audit)),
];

/// Every page and every download, by its route.
pub const PAGES: &[(&str, Gate)] = &[
    ("/sign-in", Public),
    ("/", May(Act::Read)),
    ("/refunds", May(Act::Read)),
    ("/refunds/{refund}", May(Act::Read)),
    ("/wallets", May(Act::Read)),
    ("/wallets/{id}", May(Act::Read)),
    ("/orders", May(Act::Read)),
    ("/orders/{id}", May(Act::Read)),
    ("/events/{domain}/{subject}/{position}", May(Act::Read)),
    ("/findings", May(Act::Read)),
    ("/customers", May(Act::Read)),
    ("/customers/{id}", May(Act::Read)),
    ("/look-up", May(Act::LookUp)),
    ("/holds", May(Act::Read)),
    ("/cases", May(Act::Read)),
    ("/search", May(Act::Read)),
    // Old addresses, which redirect to the cases.
    ("/compensations", May(Act::Read)),
    ("/approvals", May(Act::Read)),
    ("/compensations/{case}", May(Act::Read)),
    ("/compensate", May(Act::Propose)),
    ("/operators", May(Act::ManageOperators)),
    ("/audit", May(Act::Audit)),
    ("/export/wallets.csv", May(Act::Export)),
    ("/export/orders.csv", May(Act::Export)),
    ("/export/refunds.csv", May(Act::Export)),
    ("/export/findings.csv", May(Act::Export)),
    ("/export/holds.csv", May(Act::Export)),
    ("/export/cases.csv", May(Act::Export)),
    ("/export/customers.csv", May(Act::Export)),
    ("/export/audit.csv", May(Act::Audit)),
    // The same data as the event's page.
    ("/export/events/{domain}/{subject}/{position}", May(Act::Read)),
];

/// The live stream. It contains only ids, which every role with `Act::Read` can look up.
pub const LIVE: Gate = May(Act::Read);

/// The server function of a path `/api/…`.
pub fn function(path: &str) -> Option<&'static Function> {
    let name = path.strip_prefix("/api/")?;
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// What a route requires. A route that is not in the table, such as the "not found" page, requires a session.
pub fn page(route: &str) -> Gate {
    let known = PAGES.iter().find(|(known, _)| *known == route);
    known.map_or(SignedIn, |(_, gate)| *gate)
}
