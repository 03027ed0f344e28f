//! Writes files as the server serves them: with a content hash in the name, and with compressed copies.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// The extensions of files to compress: text and WebAssembly. Most pictures are compressed already.
const COMPRESSIBLE: [&str; 9] = ["css", "html", "ico", "js", "json", "svg", "txt", "wasm", "webmanifest"];
/// Smaller files, in bytes, are not compressed: they fit into one network packet anyway.
const COMPRESS_FROM: usize = 1024;
/// One below the highest quality, which takes three times as long for a few percent. The bundle is made on every
/// change.
const BROTLI_QUALITY: u32 = 10;
/// The binary logarithm of the window: 16 MB, the most that browsers accept. The program has repetitions over more than
/// 4 MB.
const BROTLI_WINDOW: u32 = 24;

/// The sizes of one file in bytes, plain and compressed.
pub struct Packed {
    pub raw: usize,
    pub gzip: usize,
    pub brotli: usize,
}

/// `STEM.HASH.EXTENSION`, with the first 64 bits of the SHA-256. Another content gets another name, so browsers can
/// cache the file for ever.
pub fn hashed_name(stem: &str, extension: &str, content: &[u8]) -> String {
    let hash = Sha256::digest(content)
        .iter()
        .take(8)
        .fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    format!("{stem}.{hash:016x}.{extension}")
}

/// Writes `content` to `path`. Also writes `path.br` and `path.gz` if the file is of a compressible type and not small.
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
    fn another_content_gets_another_name() {
        let name = hashed_name("app", "js", b"one");
        assert_eq!(name, hashed_name("app", "js", b"one"));
        assert_ne!(name, hashed_name("app", "js", b"two"));
        assert_eq!(name.len(), "app.0123456789abcdef.js".len());
    }
}
