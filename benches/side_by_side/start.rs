//! Row 2: a start from a checkpoint beside a start that replays everything, from the program's first instruction until it says
//! that it is ready. The same stores, the same program; only the read model's directory is empty the first time.

use super::{
    Options,
    fill::{WALLET_EVENTS, Wire},
    program::Home,
    redis_server::RedisServer,
    table::{Row, ratio, shown},
};

pub async fn rows(options: &Options) -> Vec<Row> {
    let redis = RedisServer::start_with(&["--appendonly", "no"]);
    let mut wire = Wire::open(redis.port(), "wallet");
    wire.wallets(options.start_events / WALLET_EVENTS);
    wire.finish();
    let home = Home::with(Some(redis.url()), None, None, None).await;
    let server = home.serve().await;
    let replay = server.ready_after;
    let stop = server.stop();
    let checkpoints = home.read_model().join("checkpoints.sqlite3");
    assert!(checkpoints.exists(), "the server left no checkpoint when it stopped");
    let server = home.serve().await;
    let again = server.ready_after;
    server.stop();
    let what = format!(
        "start from a checkpoint at {} events, {}",
        options.start_events,
        shown(again),
    );
    let against = format!(
        "a start that replays them from one Redis, {} (stop: {})",
        shown(replay),
        shown(stop)
    );
    vec![Row::at_least(what, ratio(replay, again), against, 50.0)]
}
