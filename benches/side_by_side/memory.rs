//! Row 8: what the index holds in memory, as the whole process has it: resident bytes with so many entities less resident
//! bytes with none, divided by their number. Refunds are what orders with refunds take beyond orders without.

use super::{
    Options,
    fill::Wire,
    program::{Home, settle},
    redis_server::RedisServer,
    table::Row,
};

/// Wallets that the orders are of: so few that a row of each, which an order makes by naming it, does not count.
const WALLETS: usize = 1_000;

pub async fn rows(options: &Options) -> Vec<Row> {
    let count = options.entities;
    let empty = resident("wallet", |_| ()).await;
    let wallets = resident("wallet", |wire| {
        for number in 0..count {
            let wallet = format!("W-{number:07}");
            wire.long_wallet(&wallet, 3);
        }
    })
    .await;
    let orders = resident("order", |wire| wire.orders(count, WALLETS, 0, 0)).await;
    let refunds = resident("order", |wire| wire.orders(count, WALLETS, count, count)).await;
    let each = |with: u64, without: u64| with.saturating_sub(without) / u64::try_from(count).unwrap().max(1);
    let row = |what: &str, with: [u64; 2], without: [u64; 2], aim| {
        let against = format!(
            "resident bytes of a server with {count} that went on from a checkpoint, less those of one without ({} KB); after a \
             replay, {} bytes",
            without[0] / 1024,
            each(with[1], without[1])
        );
        Row::bytes(
            format!("memory of the index, {what}"),
            each(with[0], without[0]),
            against,
            aim,
        )
    };
    vec![
        row("a wallet", wallets, empty, 200),
        row("an order", orders, empty, 250),
        row("a refund", refunds, orders, 250),
    ]
}

/// Resident bytes of a server that went on from a checkpoint, and of the one before it, that replayed everything.
async fn resident(domain: &'static str, fill: impl FnOnce(&mut Wire)) -> [u64; 2] {
    let redis = RedisServer::start_with(&["--appendonly", "no"]);
    let mut wire = Wire::open(redis.port(), domain);
    fill(&mut wire);
    wire.finish();
    let url = Some(redis.url());
    let home = match domain {
        "wallet" => Home::with(url, None, None, None).await,
        _ => Home::with(None, url, None, None).await,
    };
    let server = home.serve().await;
    settle().await;
    let replayed = server.resident();
    server.stop();
    let server = home.serve().await;
    settle().await;
    [server.resident(), replayed]
}
