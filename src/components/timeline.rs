//! Timelines of wallets and orders.
