//! Who is looking: asked once, known to every page, asked again after signing in. Pages read it to offer only what the
//! reader's role allows; what is not offered is refused by the server all the same.

use leptos::prelude::*;

use crate::{
    api::{ApiError, get_me},
    domain::access::{Act, Me},
};

/// Who is signed in, for everything under the frame.
#[derive(Clone, Copy)]
pub struct Session {
    me: Resource<Result<Option<Me>, ApiError>>,
}

impl Session {
    /// Asks who it is, and tells whatever is rendered below.
    pub fn provide() -> Self {
        let session = Self {
            me: Resource::new(|| (), |()| get_me()),
        };
        provide_context(session);
        session
    }

    /// The one that [`Session::provide`] made.
    pub fn current() -> Self {
        expect_context()
    }

    /// Nobody is also the answer where it can't be asked: then nothing is offered.
    pub async fn me(self) -> Option<Me> {
        self.me.await.ok().flatten()
    }

    pub async fn may(self, act: Act) -> bool {
        self.me().await.is_some_and(|me| me.role.may(act))
    }

    /// Asks again.
    pub fn refetch(self) {
        self.me.refetch();
    }

    /// What `show` makes where the reader's role may do `act`.
    pub fn if_may(self, act: Act, show: impl Fn() -> AnyView + Clone + Send + Sync + 'static) -> AnyView {
        self.show(move |me| if me.role.may(act) { show() } else { ().into_any() })
    }

    /// What `show` makes of who is signed in; nothing where nobody is.
    pub fn show(self, show: impl Fn(Me) -> AnyView + Clone + Send + Sync + 'static) -> AnyView {
        view! {
            <Transition>
                {move || {
                    let show = show.clone();
                    Suspend::new(async move { self.me().await.map(show) })
                }}
            </Transition>
        }
        .into_any()
    }
}
