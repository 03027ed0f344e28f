//! Reads pages of streams from a socket, for a sweep. redis-rs makes a value of every string of a reply before the
//! caller sees it, which costs more than all the rest of a reply. Here entries are made from the bytes in the buffer.
//! Only plain TCP and replies of XRANGE are supported; redis-rs is used for everything else.

use std::io;

use redis::{ConnectionAddr, ConnectionInfo, Pipeline};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::link::{CONNECT_MAX, OPERATION_MAX, RESPONSE_MAX};

/// Buffer space that is reserved for one read from the socket.
const CHUNK: usize = 128 * 1024;
/// Maximum length of a line with a length: a sign, twenty digits, a line end.
const LINE_MAX: usize = 24;
/// The limit of Redis on the length of a string.
const STRING_MAX: usize = 512 * 1024 * 1024;
/// The end of a string and of a line.
pub(super) const END: &[u8] = b"\r\n";
/// The beginning of the error for a key of another type.
const WRONG_TYPE: &[u8] = b"-WRONGTYPE ";
/// Maximum length of an error that is parsed.
const REFUSAL_MAX: usize = 512;
/// Maximum number of elements of an array, far above what an XADD takes.
const ARRAY_MAX: usize = 16 * 1024 * 1024;

/// Maximum number of entries for which memory is reserved before they are received.
const ROOM_MAX: usize = 1_000;

/// Why no element could be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At least this many bytes were not received yet.
    Short(usize),
    /// The bytes are not an element that is supported here.
    Strange,
}

/// The beginning of the reply to an XRANGE.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// This many entries follow.
    Entries(usize),
    /// The key holds another type than a stream, and nothing follows.
    WrongType,
}

/// A position in the bytes received so far.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) const fn place(&self) -> usize {
        self.at
    }

    /// The bytes from an earlier position to the current one.
    pub(super) fn since(&self, place: usize) -> &'a [u8] {
        &self.bytes[place..self.at]
    }

    /// Parses the beginning of a reply. Every error except WRONGTYPE is [`Stop::Strange`].
    pub(super) fn reply(&mut self) -> Result<Reply, Stop> {
        let rest = &self.bytes[self.at..];
        if rest.first() != Some(&b'-') {
            return self.array().map(Reply::Entries);
        }
        let line = &rest[..rest.len().min(REFUSAL_MAX)];
        match line.windows(END.len()).position(|two| two == END) {
            Some(end) if line.starts_with(WRONG_TYPE) => {
                self.at += end + END.len();
                Ok(Reply::WrongType)
            }
            None if rest.len() < REFUSAL_MAX => Err(Stop::Short(1)),
            _ => Err(Stop::Strange),
        }
    }

    /// Parses the head of an array: the number of its elements.
    pub(super) fn array(&mut self) -> Result<usize, Stop> {
        self.length(b'*', ARRAY_MAX)
    }

    /// Parses a string.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Stop> {
        let length = self.length(b'$', STRING_MAX)?;
        let rest = &self.bytes[self.at..];
        let Some((string, end)) = rest.split_at_checked(length).filter(|(_, end)| end.len() >= END.len()) else {
            return Err(Stop::Short(length + END.len() - rest.len()));
        };
        if !end.starts_with(END) {
            return Err(Stop::Strange);
        }
        self.at += length + END.len();
        Ok(string)
    }

    fn okay(&mut self) -> Result<(), Stop> {
        let okay = b"+OK\r\n";
        let rest = &self.bytes[self.at..];
        if rest.len() < okay.len() && okay.starts_with(rest) {
            return Err(Stop::Short(okay.len() - rest.len()));
        }
        if !rest.starts_with(okay) {
            return Err(Stop::Strange);
        }
        self.at += okay.len();
        Ok(())
    }

    /// Parses the number in a line that begins with `kind`.
    fn length(&mut self, kind: u8, max: usize) -> Result<usize, Stop> {
        let rest = &self.bytes[self.at..];
        // Nearly all lengths have one or two digits.
        match *rest {
            [first, ones @ b'0'..=b'9', b'\r', b'\n', ..] if first == kind => {
                self.at += 4;
                return Ok(usize::from(ones - b'0'));
            }
            [first, tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] if first == kind => {
                self.at += 5;
                return Ok(usize::from(tens - b'0') * 10 + usize::from(ones - b'0'));
            }
            _ => {}
        }
        let Some((first, digits)) = rest.split_first() else {
            return Err(Stop::Short(1));
        };
        if *first != kind {
            return Err(Stop::Strange);
        }
        let mut number = 0_usize;
        for (count, byte) in digits.iter().take(LINE_MAX).enumerate() {
            match byte {
                b'0'..=b'9' if number <= max => number = number * 10 + usize::from(byte - b'0'),
                b'\r' if count > 0 && number <= max => {
                    return match digits.get(count + 1) {
                        Some(b'\n') => {
                            self.at += count + 3;
                            Ok(number)
                        }
                        Some(_) => Err(Stop::Strange),
                        None => Err(Stop::Short(1)),
                    };
                }
                _ => return Err(Stop::Strange),
            }
        }
        if digits.len() < LINE_MAX {
            Err(Stop::Short(1))
        } else {
            Err(Stop::Strange)
        }
    }
}

/// What a page is converted to, entry by entry.
pub(super) trait Take: Sized {
    fn with_room(entries: usize) -> Self;

    /// Parses one entry and adds it. After an error, nothing was added.
    fn take(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop>;
}

/// A socket of a sweep with its read buffer.
pub(super) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The bytes before this index were parsed.
    at: usize,
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Cursor` by its name is good for one lifetime only, and here each has its own"
)]
impl Wire {
    pub(super) async fn dial(info: &ConnectionInfo) -> io::Result<Self> {
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let stream = timeout(CONNECT_MAX, TcpStream::connect((host.as_str(), *port))).await??;
        stream.set_nodelay(true)?;
        let mut wire = Self {
            stream,
            buffer: Vec::new(),
            at: 0,
        };
        let settings = info.redis_settings();
        let mut greeting = redis::pipe();
        if let Some(password) = settings.password() {
            let name = settings.username();
            greeting.cmd("AUTH").arg(name).arg(password);
        }
        if settings.db() != 0 {
            greeting.cmd("SELECT").arg(settings.db());
        }
        wire.send(&greeting).await?;
        for _ in 0..greeting.len() {
            wire.next(|cursor| cursor.okay()).await?;
        }
        Ok(wire)
    }

    /// The pages of these XRANGEs; `None` for a key of another type. After an error the connection can't be used any
    /// more.
    pub(super) async fn pages<T: Take>(&mut self, ask: &Pipeline) -> io::Result<Vec<Option<T>>> {
        timeout(OPERATION_MAX, self.ask(ask)).await?
    }

    async fn ask<T: Take>(&mut self, ask: &Pipeline) -> io::Result<Vec<Option<T>>> {
        self.send(ask).await?;
        let mut pages = Vec::with_capacity(ask.len());
        for _ in 0..ask.len() {
            let Reply::Entries(entries) = self.next(|cursor| cursor.reply()).await? else {
                pages.push(None);
                continue;
            };
            let mut page = T::with_room(entries.min(ROOM_MAX));
            for _ in 0..entries {
                self.next(|cursor| page.take(cursor)).await?;
            }
            pages.push(Some(page));
        }
        Ok(pages)
    }

    async fn send(&mut self, ask: &Pipeline) -> io::Result<()> {
        let packed = ask.get_packed_pipeline();
        timeout(RESPONSE_MAX, self.stream.write_all(&packed)).await?
    }

    /// Waits until the next element was received completely, and parses it.
    async fn next<T>(&mut self, mut parse: impl FnMut(&mut Cursor<'_>) -> Result<T, Stop>) -> io::Result<T> {
        loop {
            let mut cursor = Cursor::new(&self.buffer, self.at);
            match parse(&mut cursor) {
                Ok(parsed) => {
                    self.at = cursor.at;
                    return Ok(parsed);
                }
                Err(Stop::Short(missing)) => self.receive(missing).await?,
                Err(Stop::Strange) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Waits for at least `missing` bytes.
    async fn receive(&mut self, mut missing: usize) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        while missing > 0 {
            // Reserves one chunk at a time, whatever length was announced.
            self.buffer.reserve(CHUNK);
            match timeout(RESPONSE_MAX, self.stream.read_buf(&mut self.buffer)).await?? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => missing = missing.saturating_sub(read),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(bytes: &[u8]) -> Result<&[u8], Stop> {
        Cursor::new(bytes, 0).string()
    }

    fn array(bytes: &[u8]) -> Result<usize, Stop> {
        Cursor::new(bytes, 0).array()
    }

    #[test]
    fn strings_and_arrays_are_parsed() {
        assert_eq!(string(b"$0\r\n\r\n"), Ok(&b""[..]));
        assert_eq!(string(b"$4\r\n\r\n\xff$\r\n"), Ok(&b"\r\n\xff$"[..]));
        assert_eq!(array(b"*0\r\n"), Ok(0));
        assert_eq!(array(b"*12\r\n$1"), Ok(12));
        let mut cursor = Cursor::new(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", 0);
        assert_eq!(
            (cursor.array(), cursor.string(), cursor.string()),
            (Ok(2), Ok(&b"a"[..]), Ok(&b"b"[..]))
        );
        assert_eq!(cursor.string(), Err(Stop::Short(1)));
    }

    #[test]
    fn an_incomplete_string_is_short_wherever_it_is_cut() {
        let whole = b"$12\r\nabcdefghijkl\r\n";
        for end in 0..whole.len() {
            let Err(Stop::Short(missing)) = string(&whole[..end]) else {
                panic!("{end}")
            };
            assert!((1..=whole.len() - end).contains(&missing), "{end}");
        }
        assert_eq!(string(&whole[..5]), Err(Stop::Short(14)));
        assert_eq!(Cursor::new(b"+O", 0).okay(), Err(Stop::Short(3)));
    }

    #[test]
    fn a_key_of_another_type_is_distinguished_from_other_errors() {
        let refusal = b"-WRONGTYPE Operation against a key\r\n*0\r\n";
        let mut cursor = Cursor::new(refusal, 0);
        assert_eq!(
            (cursor.reply(), cursor.reply()),
            (Ok(Reply::WrongType), Ok(Reply::Entries(0)))
        );
        assert_eq!(Cursor::new(&refusal[..20], 0).reply(), Err(Stop::Short(1)));
        let long = [b"-WRONGTYPE ".as_slice(), &[b'x'; REFUSAL_MAX]].concat();
        for strange in [&b"-NOPERM no\r\n"[..], b"-WRONGTYPES\r\n", b":1\r\n", &long] {
            assert_eq!(
                Cursor::new(strange, 0).reply(),
                Err(Stop::Strange),
                "{}",
                strange.escape_ascii()
            );
        }
    }

    #[test]
    fn invalid_replies_are_strange() {
        for strange in [
            &b"-ERR no\r\n"[..],
            b"+OK\r\n",
            b":1\r\n",
            b"*-1\r\n",
            b"*\r\n",
            b"*1x\r\n",
            b"*1\rx",
            b"*99999999\r\n",
            b"*99999999999999999999999999",
            b"*000000000000000000000000000000\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"%1\r\n",
        ] {
            assert_eq!(array(strange), Err(Stop::Strange), "{}", strange.escape_ascii());
        }
        for strange in [&b"$-1\r\n"[..], b"$1\r\nab\r\n", b"$600000000\r\n", b"*1\r\n"] {
            assert_eq!(string(strange), Err(Stop::Strange), "{}", strange.escape_ascii());
        }
        assert_eq!(Cursor::new(b"-NOAUTH", 0).okay(), Err(Stop::Strange));
    }
}
