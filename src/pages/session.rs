//! The signed-in operator, for pages. Pages offer only what the operator's role allows. The server functions check the
//! role again.

use leptos::prelude::*;

use crate::{domain::access::Act, views::operators::Me};

/// The operator of the request, if it is authenticated. The server provides it for each request.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Option<Me>);

/// The signed-in operator, as a context for all components of a page.
#[derive(Clone, Copy)]
pub struct Session {
    me: StoredValue<Option<Me>>,
}

impl Session {
    /// Takes the operator from [`SignedIn`], and provides the session as context.
    pub fn provide() -> Self {
        let me = use_context::<SignedIn>().and_then(|SignedIn(me)| me);
        let session = Self {
            me: StoredValue::new(me),
        };
        provide_context(session);
        session
    }

    /// The session that [`Session::provide`] provided. Panics if there is none.
    pub fn current() -> Self {
        expect_context()
    }

    /// `None` if nobody is signed in.
    pub fn me(self) -> Option<Me> {
        self.me.get_value()
    }

    /// Whether the operator's role allows `act`. False if nobody is signed in.
    pub fn can(self, act: Act) -> bool {
        self.me.with_value(|me| me.as_ref().is_some_and(|me| me.role.can(act)))
    }

    /// The view of `show` if the operator's role allows `act`, otherwise an empty one.
    pub fn if_allowed(self, act: Act, show: impl FnOnce() -> AnyView) -> AnyView {
        if self.can(act) { show() } else { ().into_any() }
    }

    /// The view of `show` for the signed-in operator. Empty if nobody is signed in.
    pub fn show(self, show: impl FnOnce(Me) -> AnyView) -> AnyView {
        self.me().map(show).into_any()
    }
}
