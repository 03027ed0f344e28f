//! Who is looking. Pages read it to offer only what the reader's role allows; what is not offered is refused by the server
//! all the same.

use leptos::prelude::*;

use crate::{domain::access::Act, views::operators::Me};

/// Who the server knows the reader to be; the server provides it for each request.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Option<Me>);

/// Who is signed in, for everything under the frame.
#[derive(Clone, Copy)]
pub struct Session {
    me: StoredValue<Option<Me>>,
}

impl Session {
    /// Takes over what the server says, and tells whatever is rendered below.
    pub fn provide() -> Self {
        let me = use_context::<SignedIn>().and_then(|SignedIn(me)| me);
        let session = Self {
            me: StoredValue::new(me),
        };
        provide_context(session);
        session
    }

    /// The one that [`Session::provide`] made.
    pub fn current() -> Self {
        expect_context()
    }

    /// `None`: nobody is signed in.
    pub fn me(self) -> Option<Me> {
        self.me.get_value()
    }

    /// Whether the reader's role may do `act`.
    pub fn can(self, act: Act) -> bool {
        self.me.with_value(|me| me.as_ref().is_some_and(|me| me.role.can(act)))
    }

    /// What `show` makes where the reader's role may do `act`.
    pub fn if_allowed(self, act: Act, show: impl FnOnce() -> AnyView) -> AnyView {
        if self.can(act) { show() } else { ().into_any() }
    }

    /// What `show` makes of who is signed in; nothing where nobody is.
    pub fn show(self, show: impl FnOnce(Me) -> AnyView) -> AnyView {
        self.me().map(show).into_any()
    }
}
