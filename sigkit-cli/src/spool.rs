//! Results that may be large: they are written piece by piece, and wait on disk rather than in memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sigkit_core::content::Envelope;

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// A result of its own line.
#[derive(Clone, Debug)]
pub(crate) enum Document {
    /// An envelope, whose payload others may have as well.
    Envelope(Envelope),
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Its bytes on disk.
    Spooled(SpooledPart),
}

impl Document {
    /// Writes it, with a line feed.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.write_bare(to)?;
        to.write_all(b"\n")
    }

    /// The same without line feed.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub(crate) fn write_bare(&self, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Envelope(envelope) => envelope.json_pieces(&mut |piece| to.write_all(piece)),
            Self::Bytes(bytes) => to.write_all(bytes),
            Self::Spooled(part) => part.write(to),
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Envelope(envelope) => envelope.json_len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Spooled(_) => 0,
        }
    }
}

/// A file without a name.
#[derive(Clone, Debug)]
pub(crate) struct Spool(Arc<Mutex<File>>);

/// A part of such a file.
#[derive(Clone, Debug)]
pub(crate) struct SpooledPart {
    file: Spool,
    at: u64,
    length: u64,
}

impl Spool {
    /// An empty one.
    ///
    /// # Errors
    /// The operating system's, for example without a directory for such files.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(tempfile::tempfile()?))))
    }

    /// Adds what `write` writes.
    ///
    /// # Errors
    /// Those of writing.
    pub(crate) fn add(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<SpooledPart> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = file.seek(SeekFrom::End(0))?;
        let mut writer = BufWriter::with_capacity(CHUNK_BYTES, &mut *file);
        write(&mut writer)?;
        writer.flush()?;
        drop(writer);
        let length = file.stream_position()?.saturating_sub(at);
        Ok(SpooledPart { file: self.clone(), at, length })
    }
}

impl SpooledPart {
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut file = self.file.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let mut part = Read::take(&mut *file, self.length);
        let mut piece = vec![0; CHUNK_BYTES];
        loop {
            match part.read(&mut piece) {
                Ok(0) if part.limit() > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => return Ok(()),
                Ok(read) => to.write_all(piece.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R32
    #[test]
    fn parts_are_what_was_added() {
        let spool = Spool::new().unwrap();
        let texts = ["a".repeat(3 * CHUNK_BYTES + 1), String::new(), "b".to_owned()];
        let parts = texts.each_ref().map(|text| spool.add(|to| to.write_all(text.as_bytes())).unwrap());
        for (text, part) in texts.iter().zip(&parts).rev() {
            assert_eq!(part.read().unwrap(), text.as_bytes());
            let mut line = Vec::new();
            Document::Spooled(part.clone()).write(&mut line).unwrap();
            assert_eq!(line, format!("{text}\n").as_bytes());
        }
        assert!(SpooledPart { length: 5, ..parts[2].clone() }.read().is_err());
    }
}
