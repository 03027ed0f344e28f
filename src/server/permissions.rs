//! What each address asks of who comes: every server function, page and file in one table. Server functions hold to it by
//! themselves (`api` authorises first thing), which a test checks for each of them and each role; pages and files are held
//! to it here.

use crate::domain::access::{Act, Role};

/// What an address asks of who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    Public,
    /// To be signed in, in whatever role.
    SignedIn,
    /// A role that may do this.
    May(Act),
}

impl Gate {
    /// Whether somebody of this role passes.
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
    /// Below `/api/`.
    pub name: &'static str,
    pub gate: Gate,
    /// It is a form that does something, and counts as such.
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
    asks("me", Public),
    does("sign-in", Public),
    does("sign-out", SignedIn),
    // In the head of every page, so also of those that administrators see.
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

/// Every page, by its route, and every file that is made for who asks.
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
    // Old addresses, which lead to the cases.
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
    // It shows no more than the event's page.
    ("/export/events/{domain}/{subject}/{position}", May(Act::Read)),
];

/// What changes, as it changes: ids, of whatever anybody can look up who may read the ledger.
pub const LIVE: Gate = May(Act::Read);

/// The function of an address, `/api/…`.
pub fn function(path: &str) -> Option<&'static Function> {
    let name = path.strip_prefix("/api/")?;
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// What a route asks. One that the table does not know, such as the page that says so, is for those who are signed in.
pub fn page(route: &str) -> Gate {
    let known = PAGES.iter().find(|(known, _)| *known == route);
    known.map_or(SignedIn, |(_, gate)| *gate)
}
