//! The server as a client sees it, through the real router over real (embedded) stores: pages, server functions, headers,
//! and what is refused.

mod bench;
mod functions;
mod pages;
