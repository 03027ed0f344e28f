//! Small things that pages have hundreds of are written as text, by maud, and not as views: a view is made, asked for its
//! text and taken apart again, which is most of what rendering a page costs.

use leptos::{prelude::*, tachys::html::InertElement};
use maud::Markup;

/// Written text as a view, to stand among others. In the browser it has to be one element.
pub fn written(markup: Markup) -> AnyView {
    InertElement::new(markup.into_string()).into_any()
}
