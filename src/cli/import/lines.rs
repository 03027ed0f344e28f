//! The lines of a file, plain or gzip, with their numbers. The length of a line is bounded. A line that can't be read
//! is an item of the iterator, not the end of it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use crate::{
    domain::{event::NewEvent, ids::Sequence},
    event_log::EVENT_BYTES_MAX,
};

/// The longest line in bytes: the largest event with most of its letters escaped.
const LINE_MAX: usize = 8 * EVENT_BYTES_MAX;
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The location of a line: the index of its file, and its number from 1. Messages are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    pub file: usize,
    pub line: u64,
}

/// An event and the location of its line.
#[derive(Clone, Debug)]
pub struct Line {
    pub place: SourceLocation,
    pub sequence: Option<Sequence>,
    pub event: NewEvent,
}

pub struct Lines {
    from: Box<dyn BufRead>,
    number: u64,
    /// Nothing more can be read from the file.
    ended: bool,
}

impl Lines {
    /// Opens a file. `-` is standard input.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::new(io::stdin());
        }
        Self::new(File::open(path)?)
    }

    fn new(from: impl Read + 'static) -> io::Result<Self> {
        let mut start = Vec::new();
        let mut from = from;
        from.by_ref().take(GZIP.len() as u64).read_to_end(&mut start)?;
        let zipped = start == GZIP;
        let whole = BufReader::with_capacity(64 * 1024, io::Cursor::new(start).chain(from));
        let from: Box<dyn BufRead> = if zipped {
            Box::new(BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(whole)))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            from,
            number: 0,
            ended: false,
        })
    }

    /// Reads one line with its line break; `None` at the end of the file.
    fn read(&mut self) -> io::Result<Option<Result<String, String>>> {
        let mut line = Vec::new();
        // One byte more than the limit distinguishes a line that is too long from one that just fits.
        let limit = LINE_MAX as u64 + 1;
        if self.from.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > LINE_MAX && line.last() != Some(&b'\n') {
            self.skip_line()?;
            return Ok(Some(Err(format!("the line has more than {LINE_MAX} bytes"))));
        }
        Ok(Some(
            String::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned()),
        ))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.from.fill_buf()?;
            let (length, found) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.from.consume(length);
            if found {
                return Ok(());
            }
        }
    }
}

impl Iterator for Lines {
    type Item = (u64, Result<String, String>);

    /// The next line that is not blank.
    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.number += 1;
            let read = match self.read() {
                Ok(read) => read?,
                Err(error) => {
                    self.ended = true;
                    Err(format!("the file can't be read from here on: {error}"))
                }
            };
            match read {
                Ok(line) if line.trim().is_empty() => {}
                read => return Some((self.number, read)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn lines(bytes: impl Into<Vec<u8>>) -> Vec<(u64, Result<String, String>)> {
        let lines = Lines::new(io::Cursor::new(bytes.into())).unwrap();
        lines
            .map(|(n, line)| (n, line.map(|line| line.trim().to_owned())))
            .collect()
    }

    fn zipped(text: &str) -> Vec<u8> {
        let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
        zip.write_all(text.as_bytes()).unwrap();
        zip.finish().unwrap()
    }

    #[test]
    fn blank_lines_count_and_are_passed_over() {
        let expected = [(1, Ok("a".to_owned())), (3, Ok("b".to_owned()))];
        assert_eq!(lines("a\r\n\n b"), expected);
        assert_eq!(lines(zipped("a\n\nb\n")), expected);
        assert_eq!(lines(""), []);
        assert_eq!(lines("x"), [(1, Ok("x".to_owned()))]);
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let found = lines(format!("{}\n{}\nb", "x".repeat(LINE_MAX), "x".repeat(LINE_MAX + 1)));
        assert!(found[0].1.is_ok());
        assert!(found[1].1.as_ref().is_err_and(|why| why.contains("more than")));
        assert_eq!(found[2], (3, Ok("b".to_owned())));
    }

    #[test]
    fn a_broken_file_gives_one_error_and_ends() {
        let mut zip = zipped(&"a line\n".repeat(10_000));
        zip.truncate(zip.len() / 2);
        let found = lines(zip);
        let wrong = found.iter().filter(|(_, line)| line.is_err()).count();
        assert_eq!(wrong, 1);
        assert!(found.last().is_some_and(|(_, line)| line.is_err()));
        assert!(lines(b"\xff\xfe\n".to_vec())[0].1.is_err());
    }
}
