//! The browser's entry: takes over the page that the server rendered. Apart from `app` because it exists only in the
//! browser's build; it never renders anything of its own.

use crate::app::App;

/// Called by the boot script in the page's head, once the module is compiled.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(App);
    // A style sheet or a test can tell a live page from one that is still only text.
    if let Some(root) = leptos::prelude::document().document_element() {
        // Refused only for an invalid name.
        let _ = root.set_attribute("data-hydrated", "");
    }
}
