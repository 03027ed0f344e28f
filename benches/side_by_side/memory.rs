//! Row 8: what the index holds in memory, as the whole process has it: resident bytes with so many entities less resident
//! bytes with none, divided by their number. Refunds are what orders with refunds take beyond orders without.

use super::{Options, fill::Wire, program::Home, redis_server::RedisServer, table::Row};

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
    let orders = resident("order", |wire| wire.orders(count, 0, 0)).await;
    let refunds = resident("order", |wire| wire.orders(count, count, count)).await;
    let each = |with: u64, without: u64| with.saturating_sub(without) / u64::try_from(count).unwrap().max(1);
    let against = format!(
        "resident bytes with {count} less those of an empty server ({} KB)",
        empty / 1024
    );
    vec![
        Row::bytes("memory of the index, a wallet", each(wallets, empty), &against, 200),
        Row::bytes("memory of the index, an order", each(orders, empty), &against, 250),
        Row::bytes(
            "memory of the index, a refund",
            each(refunds, orders),
            format!("{count} orders with one less as many without"),
            250,
        ),
    ]
}

async fn resident(domain: &'static str, fill: impl FnOnce(&mut Wire)) -> u64 {
    let redis = RedisServer::start_with(&["--appendonly", "no"]);
    let mut wire = Wire::open(redis.port(), domain);
    fill(&mut wire);
    wire.finish();
    let url = Some(redis.url());
    let home = match domain {
        "wallet" => Home::with(url, None, None, None).await,
        _ => Home::with(None, url, None, None).await,
    };
    home.serve().await.resident()
}
