//! Files to lines: opens, unpacks and splits them on a thread of its own, checks each line's envelope, and hands them over
//! in chunks of bounded size. What can't be read is a refused line, never the end of the import.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
    thread,
};

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use tokio::sync::mpsc;

use crate::cli::{CliError, cloud_event};

/// Bytes of a line at most. An event has at most 64 KiB as a store holds it; on a line, escapes can make it six times that.
const LINE_BYTES_MAX: usize = 512 * 1024;
/// A chunk ends after so many lines, or so many bytes.
const CHUNK_LINES: usize = 8_192;
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Chunks that may wait while the one before is being appended.
const CHUNKS_AHEAD: usize = 1;
const READ_BUFFER: usize = 256 * 1024;

/// Where a line stands: which of the files, and its number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: usize,
    pub line: u64,
}

/// Lines that go on together, those that can't be taken apart.
#[derive(Default)]
pub struct Chunk {
    pub lines: Vec<(Place, cloud_event::Line)>,
    pub refused: Vec<(Place, String)>,
}

/// A file that could be opened.
pub struct Source {
    /// What people are told of it.
    pub name: String,
    /// Bytes, where they are known.
    pub size: Option<u64>,
    input: Box<dyn Read + Send>,
}

/// Opens all files, so that a wrong name is found before anything is appended.
pub fn open(paths: Vec<PathBuf>) -> Result<Vec<Source>, String> {
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(Source {
                name: "-".into(),
                size: None,
                input: Box::new(io::stdin()),
            });
            continue;
        }
        let name = path.display().to_string();
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
        let (about, file) = opened.map_err(|error| format!("can't open {name}: {error}"))?;
        if about.is_dir() {
            return Err(format!("{name} is a directory; name the files in it"));
        }
        sources.push(Source {
            name,
            size: about.is_file().then_some(about.len()),
            input: Box::new(file),
        });
    }
    Ok(sources)
}

/// Starts the thread; the chunks come in the order of the files. It ends when nobody takes them any more.
pub fn start(sources: Vec<Source>, bar: ProgressBar) -> Result<mpsc::Receiver<Chunk>, CliError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    thread::Builder::new()
        .name("import-reader".into())
        .spawn(move || {
            for (file, source) in sources.into_iter().enumerate() {
                let input = BufReader::with_capacity(READ_BUFFER, bar.wrap_read(source.input));
                if read_file(file, input, &sender).is_none() {
                    return;
                }
            }
        })
        .map_err(|error| CliError::No(format!("no thread to read with: {error}")))?;
    Ok(receiver)
}

/// `None` where nobody listens any more.
fn read_file(file: usize, mut input: impl BufRead, sender: &mpsc::Sender<Chunk>) -> Option<()> {
    let mut splitter = Splitter {
        place: Place { file, line: 0 },
        chunk: Chunk::default(),
        bytes: 0,
        sender,
    };
    // The two bytes that every gzip file starts with (RFC 1952 §2.3.1).
    let packed = input.fill_buf().is_ok_and(|start| start.starts_with(&[0x1f, 0x8b]));
    if packed {
        splitter.all(BufReader::with_capacity(READ_BUFFER, MultiGzDecoder::new(input)))?;
    } else {
        splitter.all(input)?;
    }
    splitter.send()
}

struct Splitter<'a> {
    place: Place,
    chunk: Chunk,
    bytes: usize,
    sender: &'a mpsc::Sender<Chunk>,
}

impl Splitter<'_> {
    fn all(&mut self, mut input: impl BufRead) -> Option<()> {
        let mut line = Vec::new();
        loop {
            self.place.line += 1;
            line.clear();
            match next_line(&mut input, &mut line) {
                Ok(Some(whole)) => self.take(&line, whole),
                Ok(None) => return Some(()),
                Err(error) => {
                    let reason = format!("the file can't be read from here on: {error}");
                    self.chunk.refused.push((self.place, reason));
                    return Some(());
                }
            }
            let count = self.chunk.lines.len() + self.chunk.refused.len();
            if count >= CHUNK_LINES || self.bytes >= CHUNK_BYTES {
                self.send()?;
            }
        }
    }

    fn take(&mut self, line: &[u8], whole: bool) {
        self.bytes += line.len();
        if !whole {
            let reason = format!("the line is longer than {LINE_BYTES_MAX} bytes");
            self.chunk.refused.push((self.place, reason));
            return;
        }
        // Some programs write a byte order mark before the first line.
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return;
        }
        let read = str::from_utf8(line)
            .map_err(|_| "the line is not UTF-8".to_owned())
            .and_then(cloud_event::read);
        match read {
            Ok(line) => self.chunk.lines.push((self.place, line)),
            Err(reason) => self.chunk.refused.push((self.place, reason)),
        }
    }

    fn send(&mut self) -> Option<()> {
        self.bytes = 0;
        self.sender.blocking_send(std::mem::take(&mut self.chunk)).ok()
    }
}

/// The next line without its line feed. `Some(false)` for one that was too long and was passed over, `None` at the end.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let limit = LINE_BYTES_MAX as u64 + 1;
    if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(true));
    }
    if line.len() <= LINE_BYTES_MAX {
        return Ok(Some(true));
    }
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok(Some(false));
        }
        if let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
            input.consume(end + 1);
            return Ok(Some(false));
        }
        let length = buffer.len();
        input.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(usize, bool)> {
        let mut input = BufReader::with_capacity(7, text);
        let mut found = Vec::new();
        let mut line = Vec::new();
        while let Some(whole) = next_line(&mut input, &mut line).unwrap() {
            found.push((line.len(), whole));
            line.clear();
        }
        found
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_read() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 2];
        text.extend(b"\nab\n\nc");
        assert_eq!(
            lines(&text),
            [(LINE_BYTES_MAX + 1, false), (2, true), (0, true), (1, true)]
        );
        let mut longest = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines(&longest), [(LINE_BYTES_MAX, true)]);
        longest.push(b'\n');
        assert_eq!(lines(&longest), [(LINE_BYTES_MAX, true)]);
    }
}
