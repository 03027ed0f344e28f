//! One event's fields, as they were written.
