//! A service of large bodies: sends as many bytes as it is asked for, and counts those that it is sent. Every byte is
//! checked, none is kept.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};

use crate::acting::Acting;
use crate::message::Reader;

/// A body is this block again and again.
const BLOCK_BYTES: usize = 64 << 10;

/// Starts one. `GET /…/N` is answered with a body of N bytes; a body that comes with a content-length is read to its end
/// and answered with its length.
///
/// # Errors
/// When no port can be had.
pub fn start() -> Result<Acting> {
    Acting::start(|_, reader| serve(reader))
}

/// Reads `source` to its end, and tells how many bytes of a body came.
///
/// # Errors
/// When reading fails, or when a byte is not the one that belongs there.
pub fn count(mut source: impl Read) -> Result<u64> {
    let block = block();
    let mut piece = vec![0; BLOCK_BYTES];
    let mut total = 0_u64;
    loop {
        let count = source.read(&mut piece)?;
        if count == 0 {
            return Ok(total);
        }
        check(&block, total, piece.get(..count).unwrap_or_default())?;
        total += count as u64;
    }
}

/// Writes a body of `bytes` bytes to `sink`.
///
/// # Errors
/// When writing fails.
pub fn fill(mut sink: impl Write, bytes: u64) -> Result<()> {
    let block = block();
    let mut left = bytes;
    while left > 0 {
        let count = left.min(BLOCK_BYTES as u64);
        sink.write_all(block.get(..usize::try_from(count)?).unwrap_or(&block))?;
        left -= count;
    }
    Ok(())
}

fn block() -> Vec<u8> {
    (0..BLOCK_BYTES).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1].wrapping_mul(31)).collect()
}

fn check(block: &[u8], from: u64, mut piece: &[u8]) -> Result<()> {
    let mut at = usize::try_from(from % BLOCK_BYTES as u64)?;
    while !piece.is_empty() {
        let (part, rest) = piece.split_at(piece.len().min(BLOCK_BYTES - at));
        let expected = block.get(at..at + part.len()).unwrap_or_default();
        ensure!(part == expected, "the bytes from {from} on came changed");
        (piece, at) = (rest, 0);
    }
    Ok(())
}

fn serve(reader: &mut Reader<TcpStream>) -> Result<()> {
    reader.stream().set_nodelay(true)?;
    while let Some(head) = reader.head()? {
        if !head.values("expect").is_empty() {
            reader.stream().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = head.values("content-length").first().map(|length| length.parse::<u64>());
        if let Some(length) = length.transpose().context("expected a length")? {
            let early = reader.take_rest();
            let came = early.get_ref().len() as u64;
            ensure!(came <= length, "expected no more than the body");
            let left = length - came;
            let count = count(early.chain(reader.stream().take(left)))?;
            ensure!(count == length, "the body ended after {count} of {length} bytes");
            let text = format!("{count}\n");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", text.len());
            reader.stream().write_all((head + &text).as_bytes())?;
            continue;
        }
        let target = head.first_line.split(' ').nth(1).unwrap_or_default();
        let Some(bytes) = target.rsplit('/').next().and_then(|number| number.parse().ok()) else {
            bail!("expected a number of bytes at the end of `{target}`")
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {bytes}\r\n\r\n"
        );
        reader.stream().write_all(head.as_bytes())?;
        fill(reader.stream(), bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_changed_anywhere_is_found_out() {
        let mut body = Vec::new();
        fill(&mut body, 200_000).unwrap();
        assert_eq!(count(&body[..]).unwrap(), 200_000);
        body[150_000] ^= 1;
        assert!(count(&body[..]).is_err());
    }
}
