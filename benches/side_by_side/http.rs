//! The HTTP/1.1 client of the bench, with kept connections over loopback, and a load generator that keeps every sample.
//! The client implements only the part of the protocol that this server and axum use.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One kept connection with the session cookie of an operator.
pub struct Client {
    port: u16,
    cookie: String,
    stream: TcpStream,
    buffer: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    pub async fn connect(port: u16, cookie: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            port,
            cookie: cookie.to_owned(),
            stream,
            buffer: Vec::with_capacity(1 << 16),
        })
    }

    pub async fn get(&mut self, path: &str) -> std::io::Result<Answer> {
        let head = self.head("GET", path);
        self.exchange(format!("{head}\r\n")).await
    }

    pub async fn post(&mut self, path: &str, kind: &str, body: &str) -> std::io::Result<Answer> {
        let head = self.head("POST", path);
        let length = body.len();
        self.exchange(format!(
            "{head}Accept: application/json\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// Requests a response that does not end. Returns the status and the connection.
    pub async fn stream(mut self, path: &str) -> std::io::Result<(u16, TcpStream)> {
        let head = self.head("GET", path);
        self.stream
            .write_all(format!("{head}Accept: text/event-stream\r\n\r\n").as_bytes())
            .await?;
        let end = self.read_head().await?;
        Ok((status(&self.buffer[..end]), self.stream))
    }

    fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {}\r\n",
            self.port, self.cookie
        )
    }

    async fn exchange(&mut self, request: String) -> std::io::Result<Answer> {
        self.buffer.clear();
        self.stream.write_all(request.as_bytes()).await?;
        let end = self.read_head().await?;
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let body = if let Some(length) = length {
            let length = length.trim().parse().expect("a length");
            while self.buffer.len() < length {
                self.fill().await?;
            }
            std::mem::take(&mut self.buffer)
        } else if head.contains("transfer-encoding: chunked") {
            self.chunks().await?
        } else {
            Vec::new()
        };
        Ok(Answer {
            status: status(head.as_bytes()),
            body,
        })
    }

    async fn read_head(&mut self) -> std::io::Result<usize> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                return Ok(at + 4);
            }
            self.fill().await?;
        }
    }

    async fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let (mut body, mut at) = (Vec::new(), 0);
        loop {
            let Some(line) = self.buffer[at..].windows(2).position(|bytes| bytes == b"\r\n") else {
                self.fill().await?;
                continue;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line]).expect("a size");
            let size = usize::from_str_radix(size.trim(), 16).expect("a size");
            let begin = at + line + 2;
            while self.buffer.len() < begin + size + 2 {
                self.fill().await?;
            }
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[begin..begin + size]);
            at = begin + size + 2;
        }
    }

    async fn fill(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn status(head: &[u8]) -> u16 {
    let line = String::from_utf8_lossy(&head[..head.len().min(16)]).into_owned();
    line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// All samples of a load, sorted from the shortest, and the number of failed answers.
pub struct Samples(pub Vec<Duration>, pub usize);

impl Samples {
    pub fn new(mut samples: Vec<Duration>, failed: usize) -> Self {
        assert!(!samples.is_empty(), "nothing was measured");
        samples.sort_unstable();
        Self(samples, failed)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The percentile by nearest rank: one of the samples, never a mean of two.
    pub fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1]
    }
}

/// A load: the page, the number of connections and requests, and the longest time.
#[derive(Clone)]
pub struct Load {
    pub port: u16,
    pub cookie: String,
    pub path: String,
    pub connections: usize,
    pub requests: usize,
    pub patience: Duration,
}

impl Load {
    /// Runs the load after a warm-up of a tenth of the requests. Returns the latencies and the total time, without the
    /// warm-up.
    pub async fn run(&self) -> (Samples, Duration) {
        self.part(self.requests / 10 + 1, self.patience / 4).await;
        let begin = Instant::now();
        let samples = self.part(self.requests, self.patience).await;
        (samples, begin.elapsed())
    }

    async fn part(&self, requests: usize, patience: Duration) -> Samples {
        let taken = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..self.connections)
            .map(|_| tokio::spawn(self.clone().ask(Arc::clone(&taken), requests, patience)))
            .collect();
        let (mut all, mut failed) = (Vec::new(), 0);
        for worker in workers {
            let (samples, of_these) = worker.await.expect("a worker");
            all.extend(samples);
            failed += of_these;
        }
        Samples::new(all, failed)
    }

    /// The requests of one connection. An answer with a status other than 200 is counted as failed and is not a sample.
    async fn ask(self, taken: Arc<AtomicUsize>, requests: usize, patience: Duration) -> (Vec<Duration>, usize) {
        let mut client = Client::connect(self.port, &self.cookie).await.expect("the server");
        let (mut samples, mut failed, begin) = (Vec::new(), 0, Instant::now());
        // At least one sample per connection, even beyond the time limit.
        while taken.fetch_add(1, Ordering::Relaxed) < requests && (samples.is_empty() || begin.elapsed() < patience) {
            let asked = Instant::now();
            let answer = client.get(&self.path).await.expect("an answer");
            if answer.status == 200 {
                samples.push(asked.elapsed());
            } else {
                failed += 1;
                eprintln!("{} answered {}", self.path, answer.status);
            }
        }
        (samples, failed)
    }
}
