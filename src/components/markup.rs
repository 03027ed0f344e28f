//! Small parts that a page has hundreds of are written as HTML text by maud. Building a view for each, rendering it and
//! dropping it would be most of the cost of a page.

use leptos::{prelude::*, tachys::html::InertElement};
use maud::Markup;

/// HTML text as a view, for use among other views. In the browser the text must be one element.
pub fn written(markup: Markup) -> AnyView {
    InertElement::new(markup.into_string()).into_any()
}
