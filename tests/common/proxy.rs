//! A TCP proxy that simulates a broken network. It counts bytes and closes all connections when the next cut is due.
//! Bytes that were sent before the cut may or may not have arrived.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
};

pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: Mutex<SocketAddr>,
    /// Bytes until the cut. A very large number if no cut is set.
    left: AtomicI64,
    cut: Notify,
}

impl Proxy {
    pub async fn start(target_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let state = Arc::new(State {
            target: Mutex::new((Ipv4Addr::LOCALHOST, target_port).into()),
            left: AtomicI64::new(i64::MAX),
            cut: Notify::new(),
        });
        let address = listener.local_addr().unwrap();
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).serve(client));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    /// Leads new connections to another port. Open connections stay.
    #[allow(dead_code, reason = "not every test does")]
    pub fn lead_to(&self, port: u16) {
        *self.state.target.lock().unwrap() = (Ipv4Addr::LOCALHOST, port).into();
    }

    /// Cuts every connection once, after this number of bytes in both directions together.
    pub fn cut_after(&self, bytes: i64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    /// Whether a requested cut has not happened yet.
    #[allow(dead_code, reason = "not every test asks")]
    pub fn is_due(&self) -> bool {
        // Without a requested cut, `left` stays far above this, whatever has been sent.
        self.state.left.load(Ordering::SeqCst) < i64::MAX / 2
    }
}

impl State {
    async fn serve(self: Arc<Self>, client: TcpStream) {
        let target = *self.target.lock().unwrap();
        let Ok(server) = TcpStream::connect(target).await else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::select! {
            () = self.pass(from_client, to_server) => {}
            () = self.pass(from_server, to_client) => {}
            () = self.cut.notified() => {}
        }
    }

    /// Passes blocks of bytes on. Of the block in which the cut falls, only the bytes before the cut are passed on.
    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut block = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut block).await {
            let length = i64::try_from(read).unwrap();
            let left = self.left.fetch_sub(length, Ordering::SeqCst);
            let passed = usize::try_from(left.clamp(0, length)).unwrap();
            if to.write_all(&block[..passed]).await.is_err() {
                return;
            }
            if passed < read {
                self.left.store(i64::MAX, Ordering::SeqCst);
                self.cut.notify_waiters();
                return;
            }
        }
    }
}
