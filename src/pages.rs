//! What people see: a page fetches and arranges. It takes what it shows from `api` and draws it with `components`;
//! it never computes money itself.

pub mod home;
pub mod not_found;
pub mod status;
