//! Who is looking: said by the server with the page, known to every part of it at once, asked again after signing in. Pages
//! read it to offer only what the reader's role allows; what is not offered is refused by the server all the same.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::get_me,
    domain::access::{Act, Me},
};

/// Who the server knows the reader to be; the server provides it for each request, the page carries it to the browser.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Option<Me>);

/// Who is signed in, for everything under the frame. A value and no resource: nearly everything on a page depends on it, and
/// waiting for it within what waits for something else is what server and browser then disagree about.
#[derive(Clone, Copy)]
pub struct Session {
    me: RwSignal<Option<Me>>,
}

impl Session {
    /// Takes over what the server says, and tells whatever is rendered below.
    pub fn provide() -> Self {
        let said = SharedValue::new(|| use_context::<SignedIn>().and_then(|SignedIn(me)| me));
        let session = Self {
            me: RwSignal::new(said.into_inner()),
        };
        provide_context(session);
        session
    }

    /// The one that [`Session::provide`] made.
    pub fn current() -> Self {
        expect_context()
    }

    /// For what asks the server about other things besides, and so may ask for this: right after signing in the page that
    /// one is led to is often faster than [`Session::refetch`]. Not tracked.
    pub async fn me(self) -> Option<Me> {
        match self.me.get_untracked() {
            Some(me) => Some(me),
            None => get_me().await.ok().flatten(),
        }
    }

    /// Waits and asks as [`Session::me`] does.
    pub async fn may(self, act: Act) -> bool {
        self.me().await.is_some_and(|me| me.role.may(act))
    }

    /// Asks again. Where it can't be asked, what was known stays: the server refuses what it no longer allows.
    pub fn refetch(self) {
        spawn_local(async move {
            if let Ok(me) = get_me().await {
                // The page may be gone by then.
                let _ = self.me.try_set(me);
            }
        });
    }

    /// What `show` makes where the reader's role may do `act`.
    pub fn if_may(self, act: Act, show: impl Fn() -> AnyView + Clone + Send + Sync + 'static) -> AnyView {
        self.show(move |me| if me.role.may(act) { show() } else { ().into_any() })
    }

    /// What `show` makes of who is signed in; nothing where nobody is.
    pub fn show(self, show: impl Fn(Me) -> AnyView + Clone + Send + Sync + 'static) -> AnyView {
        (move || self.me.get().map(&show)).into_any()
    }
}
