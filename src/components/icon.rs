//! The icons of the interface, in the colour of the text. An icon is always beside a word, so it is hidden from screen
//! readers.

use leptos::prelude::*;
use maud::{Markup, html};

use super::markup::written;

/// An icon of 16 by 16 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Wallet,
    Order,
    Warning,
    Clock,
    Search,
    First,
    Previous,
    Next,
    Up,
    Down,
    Check,
    Cross,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Wallet => "M2.5 5.5v7h11v-7zm0 0 8-3v3M10.5 9h3",
            Self::Order => "M3 2.5h10v11l-2-1.3-1.5 1.3L8 12.2l-1.5 1.3L5 12.2l-2 1.3zM5.5 6h5M5.5 9h5",
            Self::Warning => "M8 2.2 14.2 13H1.8zM8 6.4v3.2M8 11.2v.3",
            Self::Clock => "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 2.8V8l2.2 1.6",
            Self::Search => "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm3.3 7.8 3.2 3.2",
            Self::First => "M12 3 7 8l5 5M4 3v10",
            Self::Previous => "M10 3 5 8l5 5",
            Self::Next => "m6 3 5 5-5 5",
            Self::Up => "m4 10 4-4 4 4",
            Self::Down => "m4 6 4 4 4-4",
            Self::Check => "m3 8.5 3.2 3.2L13 4.8",
            Self::Cross => "m4 4 8 8M12 4l-8 8",
        }
    }

    /// The icon as a view.
    pub fn view(self) -> AnyView {
        written(self.markup())
    }

    /// The icon as HTML text.
    pub fn markup(self) -> Markup {
        html! {
            svg.icon viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" {
                path d=(self.path()) {}
            }
        }
    }
}
