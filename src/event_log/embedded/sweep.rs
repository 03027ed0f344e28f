//! A sweep through an embedded log: its rows in the order of the primary key, a page at a time. Each page is a
//! transaction of its own, so that a slow reader does not block checkpoints of the write-ahead log.

use std::sync::Arc;

use futures::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use super::{
    Readers,
    read::{self, Cursor},
};
use crate::event_log::{ReadError, Swept};

/// Events in one item.
const PAGE: usize = 5_000;

type Page = Result<(Vec<Swept>, Option<Cursor>), ReadError>;

pub(super) fn sweep(readers: Arc<Readers>) -> BoxStream<'static, Result<Vec<Swept>, ReadError>> {
    let start = Some(page(Arc::clone(&readers), Cursor::default()));
    stream::try_unfold(start, move |page| {
        let readers = Arc::clone(&readers);
        async move {
            let Some(page) = page else { return Ok(None) };
            let (parts, next) = page.await?;
            Ok(Some((parts, next.map(|next| ahead(readers, next)))))
        }
    })
    .boxed()
}

fn page(readers: Arc<Readers>, after: Cursor) -> BoxFuture<'static, Page> {
    async move {
        readers
            .run(move |connection| read::swept(connection, &after, PAGE))
            .await
    }
    .boxed()
}

/// Reads the next page while the caller works on the one before it.
fn ahead(readers: Arc<Readers>, after: Cursor) -> BoxFuture<'static, Page> {
    let reading = tokio::spawn(page(Arc::clone(&readers), after.clone()));
    async move {
        match reading.await {
            Ok(page) => page,
            // The task ends early only if the runtime shuts down. Then this future is not polled either.
            Err(_) => page(readers, after).await,
        }
    }
    .boxed()
}
