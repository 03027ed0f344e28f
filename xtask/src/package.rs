//! Writes files the way the server hands them out: named after their content, and compressed beforehand. It knows
//! nothing of where they come from.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// Text and WebAssembly; pictures are compressed already.
const COMPRESSIBLE: [&str; 9] = ["css", "html", "ico", "js", "json", "svg", "txt", "wasm", "webmanifest"];
/// Below this many bytes a packet is a packet.
const COMPRESS_FROM: usize = 1024;
/// The highest quality takes three times as long for a few percent; this is made on every change.
const BROTLI_QUALITY: u32 = 10;
/// Sixteen megabytes, the most that browsers take: the program repeats itself over more than four.
const BROTLI_WINDOW: u32 = 24;

/// What became of one file, in bytes.
pub struct Packed {
    pub raw: usize,
    pub gzip: usize,
    pub brotli: usize,
}

/// `STEM.HASH.EXTENSION`: another content is another name, so browsers may keep it for ever.
pub fn hashed_name(stem: &str, extension: &str, content: &[u8]) -> String {
    let hash = Sha256::digest(content)
        .iter()
        .take(8)
        .fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    format!("{stem}.{hash:016x}.{extension}")
}

/// Writes `content` to `path`, and beside it `path.br` and `path.gz` where that makes it smaller.
pub fn write(path: &Path, content: &[u8]) -> Result<Packed> {
    let save =
        |path: &Path, bytes: &[u8]| fs::write(path, bytes).with_context(|| format!("writing {}", path.display()));
    save(path, content)?;
    let raw = content.len();
    let extension = path.extension().and_then(|extension| extension.to_str());
    if raw < COMPRESS_FROM || !extension.is_some_and(|known| COMPRESSIBLE.contains(&known)) {
        return Ok(Packed {
            raw,
            gzip: raw,
            brotli: raw,
        });
    }
    let gzip = gzipped(content)?;
    let brotli = brotlied(content)?;
    for (suffix, packed) in [("gz", &gzip), ("br", &brotli)] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".");
        beside.push(suffix);
        save(Path::new(&beside), packed)?;
    }
    Ok(Packed {
        raw,
        gzip: gzip.len(),
        brotli: brotli.len(),
    })
}

fn gzipped(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn brotlied(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, BROTLI_QUALITY, BROTLI_WINDOW);
    encoder.write_all(content)?;
    encoder.flush()?;
    Ok(encoder.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_name() {
        let name = hashed_name("app", "js", b"one");
        assert_eq!(name, hashed_name("app", "js", b"one"));
        assert_ne!(name, hashed_name("app", "js", b"two"));
        assert_eq!(name.len(), "app.0123456789abcdef.js".len());
    }
}
