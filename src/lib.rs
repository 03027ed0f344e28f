//! Ledgerscope.
