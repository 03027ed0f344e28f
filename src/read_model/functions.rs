//! SQL functions of the read model: folding a text, and matching a search text against fields.

use rusqlite::{Connection, functions::FunctionFlags, types::ValueRef};

use super::folding::{Pieces, fold};

/// Adds `fold(text)` and `has_text(pieces, field, …)` to a connection. `pieces` is the result of [`Pieces::joined`]. A field may
/// be null.
pub fn add(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("fold", 1, flags, |context| {
        Ok(text(context.get_raw(0)).map(|text| fold(text).into_owned()))
    })?;
    connection.create_scalar_function("has_text", -1, flags, |context| {
        let pieces = context.get_or_create_aux(0, |value| -> Result<_, rusqlite::types::FromSqlError> {
            Ok(Pieces::parse(value.as_str()?))
        })?;
        let fields = (1..context.len()).filter_map(|field| text(context.get_raw(field)));
        Ok(pieces.are_in(fields))
    })
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
