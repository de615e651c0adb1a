//! Reads what a job's program writes, while it writes: a bounded piece from anywhere, or line by line.
//!
//! Offsets are bytes from the beginning of the file, so a reader that died can go on where it was, without gap or
//! repeat. This module does not know what the lines mean, nor when the program ends.

use super::record;
use ppe_core::wording;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A longer line is cut here and marked; the rest of it is passed over.
pub const LINE_CAP_BYTES: usize = 1024 * 1024;
/// The most that one [`tail`] returns.
pub const TAIL_CAP_BYTES: usize = 1024 * 1024;

const CHUNK_BYTES: usize = 64 * 1024;
/// One call of [`LineReader::read_lines`] reads no more than this, so that a flood cannot fill memory.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// One of the two outputs of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The file in the job's folder that holds it.
    pub fn path(self, dir: &Path) -> PathBuf {
        dir.join(match self {
            Stream::Stdout => record::STDOUT,
            Stream::Stderr => record::STDERR,
        })
    }
}

/// The bytes of a stream of the job in `dir` from the offset `from`, at most [`TAIL_CAP_BYTES`] of them. Empty at
/// the end, and before the program has started.
///
/// Errors: the file is there but cannot be read.
pub fn tail(dir: &Path, stream: Stream, from: u64) -> io::Result<Vec<u8>> {
    let Some(file) = open(&stream.path(dir))? else { return Ok(Vec::new()) };
    let left = file.metadata()?.len().saturating_sub(from);
    if left == 0 {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(TAIL_CAP_BYTES)];
    let read = read_at(&file, &mut bytes, from)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The end of a file as text, at most `most` bytes, cut at a character. No more than that is read. Empty where there is
/// no file.
///
/// Errors: the file is there but cannot be read.
pub fn end(path: &Path, most: usize) -> io::Result<String> {
    let Some(file) = open(path)? else { return Ok(String::new()) };
    let from = file.metadata()?.len().saturating_sub(most as u64);
    let mut bytes = vec![0; most];
    let read = read_at(&file, &mut bytes, from)?;
    let mut read = &bytes[..read];
    if from > 0 {
        // A character has at most three bytes behind its first.
        let cut = read.iter().take(3).take_while(|byte| matches!(byte, 0x80..0xC0)).count();
        read = &read[cut..];
    }
    Ok(wording::tail(&String::from_utf8_lossy(read), most).to_owned())
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_at(file: &File, bytes: &mut [u8], from: u64) -> io::Result<usize> {
    loop {
        match file.read_at(bytes, from) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A line of output, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text; bytes that are not UTF-8 are replaced, everything else (NUL, escapes) is as written.
    pub text: String,
    /// Whether all of it is here.
    pub extent: Extent,
    /// The offset of the byte after it: where a reader that has dealt with this line goes on.
    pub next: u64,
}

/// Whether a line is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// It was longer than [`LINE_CAP_BYTES`]; this is its beginning.
    Cut,
}

/// Reads a growing file line by line. A file that is not there yet is an empty one.
#[derive(Debug)]
pub struct LineReader {
    path: PathBuf,
    file: Option<File>,
    /// Where to read on; all before it is in `line`, or dealt with.
    at: u64,
    line: Vec<u8>,
    extent: Extent,
}

impl LineReader {
    /// A reader of `path` that begins at the offset `from`, the beginning of a line.
    pub fn new(path: PathBuf, from: u64) -> LineReader {
        LineReader { path, file: None, at: from, line: Vec::new(), extent: Extent::Whole }
    }

    /// The lines that have been completed since the last call, in order, up to a few megabytes at once. Empty: there
    /// is nothing more for now.
    ///
    /// Errors: the file is there but cannot be read. The next call goes on from the same place.
    pub fn read_lines(&mut self) -> io::Result<Vec<Line>> {
        if self.file.is_none() {
            self.file = open(&self.path)?;
        }
        let Some(file) = self.file.take() else { return Ok(Vec::new()) };
        let result = self.read_batch(&file);
        self.file = Some(file);
        result
    }

    /// The last line, if it has no end. For when the program has ended and [`Self::read_lines`] gave nothing.
    pub fn finish(&mut self) -> Option<Line> {
        (!self.line.is_empty()).then(|| self.take_line(self.at))
    }

    fn read_batch(&mut self, file: &File) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let until = self.at.saturating_add(BATCH_BYTES);
        // Past the batch only an unfinished line goes on: `Empty` must mean that there is nothing more.
        while self.at < until || lines.is_empty() {
            match read_at(file, &mut chunk, self.at) {
                Ok(0) => break,
                Ok(read) => self.digest(&chunk[..read], &mut lines),
                // What was read so far is not lost: the error comes again with the next call.
                Err(_) if !lines.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(lines)
    }

    fn digest(&mut self, bytes: &[u8], lines: &mut Vec<Line>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.at += piece.len() as u64;
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let room = LINE_CAP_BYTES - self.line.len();
            if text.len() > room {
                self.extent = Extent::Cut;
            }
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                lines.push(self.take_line(self.at));
            }
        }
    }

    fn take_line(&mut self, next: u64) -> Line {
        let bytes = std::mem::take(&mut self.line);
        let extent = std::mem::replace(&mut self.extent, Extent::Whole);
        let text = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        Line { text: String::from_utf8_lossy(text).into_owned(), extent, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Growing {
        dir: tempfile::TempDir,
    }

    impl Growing {
        fn new() -> Growing {
            Growing { dir: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            Stream::Stdout.path(self.dir.path())
        }

        fn write(&self, bytes: &[u8]) {
            let mut file = File::options().create(true).append(true).open(self.path()).unwrap();
            file.write_all(bytes).unwrap();
        }
    }

    fn texts(reader: &mut LineReader) -> Vec<String> {
        reader.read_lines().unwrap().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_come_when_they_are_complete() {
        let file = Growing::new();
        let mut reader = LineReader::new(file.path(), 0);
        assert!(texts(&mut reader).is_empty());
        file.write(b"one\ntw");
        assert_eq!(texts(&mut reader), ["one"]);
        assert!(texts(&mut reader).is_empty());
        file.write(b"o\r\n\nrest");
        assert_eq!(texts(&mut reader), ["two", ""]);
        assert_eq!(reader.finish().unwrap().text, "rest");
        assert_eq!(reader.finish(), None);
    }

    #[test]
    fn a_second_reader_goes_on_where_the_first_was() {
        let file = Growing::new();
        file.write("eins\nzwö\ndrei\n".as_bytes());
        let lines = LineReader::new(file.path(), 0).read_lines().unwrap();
        for (number, line) in lines.iter().enumerate() {
            let rest = texts(&mut LineReader::new(file.path(), line.next));
            let expected: Vec<&str> = lines[number + 1..].iter().map(|line| line.text.as_str()).collect();
            assert_eq!(rest, expected);
        }
    }

    #[test]
    fn odd_bytes_are_no_obstacle() {
        let file = Growing::new();
        file.write(b"a\xff\xfeb\0c\n{}\n");
        assert_eq!(texts(&mut LineReader::new(file.path(), 0)), ["a\u{fffd}\u{fffd}b\0c", "{}"]);
    }

    #[test]
    fn a_long_line_is_cut_and_marked_and_the_next_is_whole() {
        let file = Growing::new();
        file.write(&vec![b'x'; LINE_CAP_BYTES]);
        file.write(b"\n");
        file.write(&vec![b'y'; 10 * LINE_CAP_BYTES]);
        file.write(b"\nnext\n");
        let mut reader = LineReader::new(file.path(), 0);
        let mut lines = Vec::new();
        while let Ok(more) = reader.read_lines()
            && !more.is_empty()
        {
            assert!(reader.line.capacity() <= 2 * LINE_CAP_BYTES);
            lines.extend(more);
        }
        let shape: Vec<_> = lines.iter().map(|line| (line.text.len(), line.extent)).collect();
        assert_eq!(
            shape,
            [(LINE_CAP_BYTES, Extent::Whole), (LINE_CAP_BYTES, Extent::Cut), (4, Extent::Whole)]
        );
        assert_eq!(lines[2].next, file.path().metadata().unwrap().len());
    }

    #[test]
    fn a_flood_comes_in_batches() {
        let file = Growing::new();
        file.write(&b"0123456789abcde\n".repeat(1024 * 1024));
        let mut reader = LineReader::new(file.path(), 0);
        let mut count = 0;
        while let Ok(lines) = reader.read_lines()
            && !lines.is_empty()
        {
            assert!(lines.len() <= 270_000, "{}", lines.len());
            count += lines.len();
        }
        assert_eq!(count, 1024 * 1024);
    }

    #[test]
    fn a_tail_is_bounded() {
        let file = Growing::new();
        let dir = file.dir.path();
        assert!(tail(dir, Stream::Stdout, 0).unwrap().is_empty());
        file.write(&vec![b'z'; TAIL_CAP_BYTES + 10]);
        assert_eq!(tail(dir, Stream::Stdout, 0).unwrap().len(), TAIL_CAP_BYTES);
        assert_eq!(tail(dir, Stream::Stdout, TAIL_CAP_BYTES as u64).unwrap(), b"zzzzzzzzzz");
        assert!(tail(dir, Stream::Stdout, u64::MAX).unwrap().is_empty());
        assert!(tail(dir, Stream::Stderr, 0).unwrap().is_empty());
    }

    #[test]
    fn an_end_is_whole_characters_and_as_long_as_is_wanted() {
        let file = Growing::new();
        let end = |most: usize| end(&file.path(), most).unwrap();
        assert_eq!(end(9), "", "no file yet");
        file.write("a\n🦀ß".as_bytes());
        let ends = [(0, ""), (1, ""), (2, "ß"), (3, "ß"), (5, "ß"), (6, "🦀ß"), (7, "\n🦀ß"), (99, "a\n🦀ß")];
        for (most, text) in ends {
            assert_eq!(end(most), text, "{most}");
        }
        // What is no text takes more room once it is shown as such.
        file.write(b"\xff\xbf\xbf\xbf\xbf\xffz\n");
        assert_eq!(end(7), "\u{fffd}z\n");
        assert_eq!(end(5), "\u{fffd}z\n");
        assert_eq!(end(4), "z\n");
        file.write(&vec![b'x'; 5_000]);
        assert_eq!(end(4_000), "x".repeat(4_000), "of a line that is longer its end");
    }

    #[test]
    fn of_a_huge_file_only_the_end_is_read() {
        let file = Growing::new();
        let huge = File::create(file.path()).unwrap();
        // A file full of holes: to read it whole would take more memory than there is.
        huge.set_len(1 << 40).unwrap();
        file.write(b"the end");
        assert_eq!(end(&file.path(), 8).unwrap(), "\0the end");
    }
}
