//! Where a page is: the raw query of its own address. The router's location moves on before a page is gone, and a page
//! that followed it would ask the server for what the next page's query says.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The raw query of this page's address, which stays what it was once the router is on its way elsewhere.
pub fn own_search() -> Memo<String> {
    let location = use_location();
    let own = location.pathname.with_untracked(|path| shape(path));
    Memo::new(move |last: Option<&String>| {
        let elsewhere = location.pathname.with(|path| shape(path)) != own;
        let search = location.search.get();
        last.filter(|_| elsewhere).cloned().unwrap_or(search)
    })
}

/// What tells one route from another: the first part of the path and how many parts there are.
fn shape(path: &str) -> (String, usize) {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default().to_owned();
    (first, parts.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_one_of_its_rows_are_different_places() {
        assert_eq!(shape("/refunds/R-1"), shape("/refunds/R-2/"));
        assert_ne!(shape("/refunds"), shape("/refunds/R-2"));
        assert_ne!(shape("/refunds"), shape("/wallets"));
        assert_ne!(shape("/"), shape("/wallets"));
    }
}
