//! The text of a log: how a line is written, and what is true of a file's bytes.
//!
//! ```text
//! ppe-log 1 <crc> <json>      the header: magic, format number, checksum, what the log says about itself
//! <crc> <seq> <json>          a record; the first has number 1, and there are no gaps
//! ```
//!
//! A checksum is CRC-32, eight lower-case hexadecimal digits, over its line without the checksum and the space behind
//! it. It covers the number, so a line that is copied or moved elsewhere does not verify. The header keeps its form in
//! all future formats, so that any version can tell which one it looks at.
//!
//! Pure: knows no files and does not look into the records.

use ppe_core::ids::Seq;
use ppe_engine::ports::log::{LogFormat, LogHeader};
use std::ops::Range;

/// The number of the format that this program writes.
pub const FORMAT: u32 = 1;

const MAGIC: &str = "ppe-log ";

/// The length of a checksum in digits.
const CHECKSUM_DIGITS: usize = 8;

/// A record with its number.
pub type Numbered<'a> = (Seq, &'a str);

/// What the bytes of a log hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// What the log says about itself.
    pub header: LogHeader,
    /// The format it is written in.
    pub format: LogFormat,
    /// The records with their numbers, in order.
    pub records: Vec<Numbered<'a>>,
    /// The length of the part that verified, in bytes.
    pub end: usize,
    /// Where an unfinished last line lies, if there is one: from `end` to the end of the bytes.
    pub torn: Option<Range<usize>>,
}

/// Why bytes are not a log that this program can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// There is nothing but the beginning of a header: the log's creation was cut short, no record was ever in it.
    #[error("the header is incomplete: the log was never fully created")]
    TornCreation,
    /// The log was written in a later format, and that format's records are not like ours.
    #[error("written in format {version}, which is newer than this program's ({FORMAT})")]
    Newer {
        /// The format's number.
        version: u32,
    },
    /// A complete line is not as it was written.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// A complete line that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} (at byte {offset}) is damaged: {why}")]
pub struct Damage {
    /// The line's number, counted from 1; the header is line 1.
    pub line: usize,
    /// Where the line begins, in bytes.
    pub offset: usize,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The first line is not a header: this is no log at all.
    #[error("this is not an event log")]
    NotALog,
    /// The header verifies but does not say what it must.
    #[error("the header does not name its run and plan")]
    Header,
    /// The line does not have the parts that a line has.
    #[error("it is not a checksum, a number and a record")]
    Shape,
    /// The checksum is not that of the text.
    #[error("its checksum does not match")]
    Checksum,
    /// The line verifies, but belongs elsewhere.
    #[error("it has number {found} where {expected} belongs")]
    Sequence {
        /// The number that belongs here.
        expected: u64,
        /// The number the line has.
        found: u64,
    },
}

/// The header's line, with its line break.
pub fn encode_header(header: &LogHeader) -> String {
    let json = serde_json::json!({
        "run": header.run,
        "plan_digest": header.plan_digest,
        "created_by": header.created_by,
    });
    let opening = format!("{MAGIC}{FORMAT} ");
    let body = json.to_string();
    let sum = checksum(&[opening.as_bytes(), body.as_bytes()]);
    format!("{opening}{sum} {body}\n")
}

/// A record's line, with its line break. The record must be one line of text, which the caller has checked.
pub fn encode(seq: Seq, json: &str) -> String {
    let number = format!("{} ", seq.0);
    let sum = checksum(&[number.as_bytes(), json.as_bytes()]);
    format!("{sum} {number}{json}\n")
}

/// Reads the bytes of a whole log.
///
/// An unfinished last line is reported, not judged: a write may have been cut short there, or still be going on.
///
/// # Errors
/// [`ScanError`]. A damaged line is named even when all others are good: nothing behind it can be trusted to be
/// complete.
pub fn scan(bytes: &[u8]) -> Result<Scanned<'_>, ScanError> {
    let Some(header_length) = line_length(bytes) else {
        return Err(unfinished_header(bytes));
    };
    let header_line = &bytes[..header_length];
    let version = header_version(header_line).map_err(|why| Damage { line: 1, offset: 0, why })?;
    let refused = |damage: Damage| match version {
        FORMAT => ScanError::Damage(damage),
        _ => ScanError::Newer { version },
    };
    let header = header_content(header_line).map_err(|why| refused(Damage { line: 1, offset: 0, why }))?;

    let begin = header_length + 1;
    let (records, length) = scan_behind(&bytes[begin..], Seq(0))
        .map_err(|damage| refused(Damage { offset: begin + damage.offset, ..damage }))?;
    let end = begin + length;
    let format = if version == FORMAT { LogFormat::Current } else { LogFormat::Newer(version) };
    let torn = (end < bytes.len()).then_some(end..bytes.len());
    Ok(Scanned { header, format, records, end, torn })
}

/// Reads the lines that lie behind the record `last`: the records with their numbers, and the length of the part that
/// verified, in bytes. An unfinished last line is left out.
///
/// # Errors
/// [`Damage`], whose offset counts from the beginning of `bytes`.
pub fn scan_behind(bytes: &[u8], last: Seq) -> Result<(Vec<Numbered<'_>>, usize), Damage> {
    let (mut records, mut end) = (Vec::new(), 0);
    let mut number = last.0;
    while let Some(length) = line_length(&bytes[end..]) {
        number += 1;
        let json = record(&bytes[end..end + length], Seq(number)).map_err(|why| {
            // The header is line 1.
            let line = usize::try_from(number).unwrap_or(usize::MAX).saturating_add(1);
            Damage { line, offset: end, why }
        })?;
        records.push((Seq(number), json));
        end += length + 1;
    }
    Ok((records, end))
}

/// The last of some whole lines, with its line break.
pub fn last_line(lines: &[u8]) -> &[u8] {
    lines.split_inclusive(|&byte| byte == b'\n').next_back().unwrap_or_default()
}

/// The length of the first line without its line break; none when the line is unfinished.
fn line_length(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == b'\n')
}

fn unfinished_header(bytes: &[u8]) -> ScanError {
    let magic = MAGIC.as_bytes();
    if bytes.starts_with(magic) || magic.starts_with(bytes) {
        ScanError::TornCreation
    } else {
        Damage { line: 1, offset: 0, why: Why::NotALog }.into()
    }
}

/// Splits a header into what precedes the checksum, the checksum, and the rest.
fn header_parts(line: &[u8]) -> Result<(&str, &str, &str), Why> {
    if !line.starts_with(MAGIC.as_bytes()) {
        return Err(Why::NotALog);
    }
    let text = std::str::from_utf8(line).map_err(|_| Why::Shape)?;
    let digits = text[MAGIC.len()..].find(' ').ok_or(Why::Shape)?;
    let (opening, rest) = text.split_at(MAGIC.len() + digits + 1);
    let (sum, json) = rest.split_once(' ').ok_or(Why::Shape)?;
    Ok((opening, sum, json))
}

/// The format's number, believed only when the header's checksum is right.
fn header_version(line: &[u8]) -> Result<u32, Why> {
    let (opening, sum, json) = header_parts(line)?;
    if sum != checksum(&[opening.as_bytes(), json.as_bytes()]) {
        return Err(Why::Checksum);
    }
    match opening[MAGIC.len()..].trim_end().parse() {
        Ok(version) if version >= FORMAT => Ok(version),
        _ => Err(Why::Shape),
    }
}

fn header_content(line: &[u8]) -> Result<LogHeader, Why> {
    let (_, _, json) = header_parts(line)?;
    serde_json::from_str(json).map_err(|_| Why::Header)
}

/// The text of the record in a line, if the line verifies and has the number that belongs here.
fn record(line: &[u8], expected: Seq) -> Result<&str, Why> {
    let (sum, rest) = line.split_at_checked(CHECKSUM_DIGITS).ok_or(Why::Shape)?;
    let body = rest.strip_prefix(b" ").ok_or(Why::Shape)?;
    if sum != checksum(&[body]).as_bytes() {
        return Err(Why::Checksum);
    }
    let text = std::str::from_utf8(body).map_err(|_| Why::Shape)?;
    let (number, json) = text.split_once(' ').ok_or(Why::Shape)?;
    let found = number.parse().map_err(|_| Why::Shape)?;
    if found != expected.0 {
        return Err(Why::Sequence { expected: expected.0, found });
    }
    Ok(json)
}

/// The checksum of the parts read as one text, as its line holds it.
fn checksum(parts: &[&[u8]]) -> String {
    let mut crc = crc32fast::Hasher::new();
    for part in parts {
        crc.update(part);
    }
    format!("{:08x}", crc.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::ids::RunId;

    fn header() -> LogHeader {
        LogHeader {
            run: RunId::new("20261124-161500-a1b2"),
            plan_digest: "5f0c".into(),
            created_by: "ppe 0.1.0".into(),
        }
    }

    /// Texts with other scripts, with letters one bit away from a line break, and with digits and spaces.
    const TEXTS: [&str; 5] =
        [r#"{"a":"JJ**"}"#, r#"{"b":1}"#, r#"{"c":"grün 木"}"#, "0 1 2", r#"{"e":"last J"}"#];

    fn log() -> String {
        let lines = TEXTS.iter().zip(1..).map(|(text, seq)| encode(Seq(seq), text));
        encode_header(&header()) + &lines.collect::<String>()
    }

    fn numbered(count: usize) -> Vec<(Seq, &'static str)> {
        TEXTS.iter().take(count).zip(1..).map(|(text, seq)| (Seq(seq), *text)).collect()
    }

    fn why(bytes: &[u8]) -> Why {
        match scan(bytes) {
            Err(ScanError::Damage(damage)) => damage.why,
            other => panic!("expected damage, got {other:?}"),
        }
    }

    fn header_of_format(version: u32, json: &str) -> String {
        let opening = format!("{MAGIC}{version} ");
        let sum = checksum(&[opening.as_bytes(), json.as_bytes()]);
        format!("{opening}{sum} {json}\n")
    }

    #[test]
    fn what_is_written_is_read() {
        let text = log();
        let scanned = scan(text.as_bytes()).unwrap();
        assert_eq!(scanned.header, header());
        assert_eq!(scanned.format, LogFormat::Current);
        assert_eq!(scanned.records, numbered(5));
        assert_eq!((scanned.end, scanned.torn), (text.len(), None));
    }

    #[test]
    fn cut_at_every_byte() {
        let text = log();
        let line_ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let (mut never_created, mut clean, mut torn) = (0, 0, 0);
        for cut in 0..=text.len() {
            let complete = line_ends.iter().filter(|&&end| end <= cut).count();
            match scan(&text.as_bytes()[..cut]) {
                Err(error) => {
                    assert_eq!((error, complete), (ScanError::TornCreation, 0), "cut at {cut}");
                    never_created += 1;
                }
                Ok(scanned) => {
                    assert_eq!(scanned.records, numbered(complete - 1), "cut at {cut}");
                    assert_eq!(scanned.end, line_ends[complete - 1]);
                    if scanned.end == cut {
                        assert_eq!(scanned.torn, None);
                        clean += 1;
                    } else {
                        assert_eq!(scanned.torn, Some(scanned.end..cut));
                        torn += 1;
                    }
                }
            }
        }
        assert_eq!(never_created, line_ends[0]);
        assert_eq!(clean, line_ends.len());
        assert_eq!(never_created + clean + torn, text.len() + 1);
    }

    #[test]
    fn every_bit_flipped() {
        let text = log();
        let (mut refused, mut torn) = (0, 0);
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match scan(&bytes) {
                Err(ScanError::Damage(damage)) => {
                    let line = text.bytes().take(bit / 8).filter(|&byte| byte == b'\n').count() + 1;
                    assert_eq!(damage.line, line, "bit {bit}");
                    refused += 1;
                }
                Err(other) => panic!("bit {bit}: {other:?}"),
                Ok(scanned) => {
                    assert_eq!(scanned.records, numbered(4), "bit {bit}");
                    assert!(scanned.torn.is_some(), "bit {bit}");
                    torn += 1;
                }
            }
        }
        assert_eq!(torn, 8, "only the last line break itself can turn into a torn tail");
        assert_eq!(refused, text.len() * 8 - 8);
    }

    #[test]
    fn a_bad_last_line_with_its_line_break_is_damage() {
        let text = log();
        let broken = text[..text.len() - 1].to_owned() + "x\n";
        assert_eq!(why(broken.as_bytes()), Why::Checksum);
        assert_eq!(why((text.clone() + "\n").as_bytes()), Why::Shape);
        assert_eq!(why((text + "12345678x1 {}\n").as_bytes()), Why::Shape);
    }

    #[test]
    fn a_line_left_out_repeated_or_moved_is_named() {
        let head = encode_header(&header());
        let (one, two, three) = (encode(Seq(1), "1"), encode(Seq(2), "2"), encode(Seq(3), "3"));
        let gap = format!("{head}{one}{three}");
        let found = scan(gap.as_bytes()).unwrap_err();
        let offset = head.len() + one.len();
        let why_gap = Why::Sequence { expected: 2, found: 3 };
        assert_eq!(found, Damage { line: 3, offset, why: why_gap }.into());
        let twice = format!("{head}{one}{two}{two}");
        assert_eq!(why(twice.as_bytes()), Why::Sequence { expected: 3, found: 2 });
        let late = format!("{head}{two}");
        assert_eq!(why(late.as_bytes()), Why::Sequence { expected: 1, found: 2 });
    }

    #[test]
    fn something_else_is_not_a_log() {
        assert_eq!(why(b"hello\n"), Why::NotALog);
        assert_eq!(why(b"hello"), Why::NotALog);
        assert_eq!(why(b"\n"), Why::NotALog);
        assert_eq!(why(b"ppe-log\n"), Why::NotALog);
        assert_eq!(why(b"ppe-log 1\n"), Why::Shape);
        assert_eq!(why(b"ppe-log \xff \n"), Why::Shape);
        assert_eq!(why(header_of_format(0, "{}").as_bytes()), Why::Shape);
        assert_eq!(why(header_of_format(1, "{}").as_bytes()), Why::Header);
    }

    #[test]
    fn a_newer_format_is_read_as_far_as_it_is_like_ours() {
        let json = r#"{"run":"r","plan_digest":"d","created_by":"ppe 9","more":1}"#;
        let same_lines = header_of_format(2, json) + &encode(Seq(1), "1");
        let scanned = scan(same_lines.as_bytes()).unwrap();
        assert_eq!(scanned.format, LogFormat::Newer(2));
        assert_eq!(scanned.records, [(Seq(1), "1")]);
        let other_lines = header_of_format(2, json) + "something new\n";
        assert_eq!(scan(other_lines.as_bytes()), Err(ScanError::Newer { version: 2 }));
        assert_eq!(scan(header_of_format(3, "[]").as_bytes()), Err(ScanError::Newer { version: 3 }));
    }
}
