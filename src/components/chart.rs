//! Balance charts.
