//! Which bytes of a tar are which file, read from the headers in one pass.
//!
//! POSIX ustar with pax headers and GNU long names. The archives here hold flat files, so whatever makes readers of tar disagree is
//! refused rather than interpreted: sizes that a pax header changes, names that it changes other than by continuing one that is too
//! long for its field, links, sparse files, repeated names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use tar::{EntryType, Header};

use crate::limits::Limits;
use crate::store::StoreError;
use crate::store::layout::files::{io_error, protocol};

/// Size in bytes of a header, and what data is padded to.
const BLOCK: u64 = 512;

/// Fewest bytes of a name of which a header holds the beginning only: writers differ in whether a NUL ends it.
const FIELD: usize = 99;

/// What compressed files begin with, and what undoes it.
const COMPRESSED: [(&[u8], &str, &str); 4] = [
    (b"\x1f\x8b", "gzip", "gunzip -c"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"\xfd7zXZ", "xz", "xz -dc"),
    (b"BZh", "bzip2", "bunzip2 -c"),
];

/// Where one file lies. Offsets and sizes are bytes from the start of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The first header, with the pax header before it if there is one.
    pub(super) start: u64,
    pub(super) data: u64,
    pub(super) size: u64,
    /// After the padding.
    pub(super) end: u64,
}

/// The regular files of an archive by name.
#[derive(Debug, Default)]
pub(super) struct TarIndex {
    files: BTreeMap<String, Extent>,
    /// The first link or device, told apart from other faults because old archives of `docker save` have them.
    link: Option<StoreError>,
    /// Where the last entry ends.
    pub(super) end: u64,
}

impl TarIndex {
    /// Reads all headers; `place` names the archive.
    pub(super) fn read(place: &str, file: &File, limits: &Limits) -> Result<Self, StoreError> {
        let length = file.metadata().map_err(|error| io_error(place, &error))?.len();
        let walk = Scanner { place, file, length, limits };
        walk.refuse_compressed()?;
        walk.table()
    }

    /// Where the file of that name lies.
    pub(super) fn get(&self, name: &str) -> Option<Extent> {
        self.files.get(name).copied()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, Extent)> {
        self.files.iter().map(|(name, extent)| (name.as_str(), *extent))
    }

    /// Refuses an archive that holds anything beside files and directories.
    pub(super) fn without_links(self) -> Result<Self, StoreError> {
        match self.link {
            Some(link) => Err(link),
            None => Ok(self),
        }
    }
}

struct Scanner<'a> {
    place: &'a str,
    file: &'a File,
    length: u64,
    limits: &'a Limits,
}

impl Scanner<'_> {
    fn refuse_compressed(&self) -> Result<(), StoreError> {
        let mut magic = [0_u8; 8];
        self.fill(&mut magic, 0)?;
        match COMPRESSED.iter().find(|(start, ..)| magic.starts_with(start)) {
            Some((_, format, undo)) => Err(protocol(
                self.place,
                format!(
                    "expected a plain tar, found {format} compression: unpack it first: {undo} {} > image.tar",
                    self.place
                ),
            )),
            None => Ok(()),
        }
    }

    fn table(&self) -> Result<TarIndex, StoreError> {
        let mut table = TarIndex::default();
        let mut position = 0;
        // The header that speaks about the next entry: where it began, and what it says.
        let mut pax: Option<(u64, Pax)> = None;
        let mut count = 0_usize;
        while let Some(header) = self.header(position)? {
            count = count.saturating_add(1);
            if count > self.limits.archive_entries {
                let limit = format!("{} entries in one archive", self.limits.archive_entries);
                return Err(StoreError::TooLarge { place: self.place.to_owned(), limit });
            }
            let size = header.entry_size().map_err(|error| self.malformed(position, &error.to_string()))?;
            let extent = self.extent(position, size)?;
            match header.entry_type() {
                EntryType::XHeader if pax.is_none() => pax = Some((position, self.pax(extent)?)),
                EntryType::GNULongName if pax.is_none() => pax = Some((position, self.long_name(extent)?)),
                EntryType::XGlobalHeader if pax.is_none() => self.pax(extent)?.refuse_any(self, position)?,
                EntryType::Regular | EntryType::Directory => {
                    let (start, said) = pax.take().unwrap_or((position, Pax::default()));
                    said.refuse_disagreement(self, position, &header, size)?;
                    let path = said.path.map_or_else(|| header.path_bytes().into_owned(), String::into_bytes);
                    let name = self.name(header.entry_type(), &path, position)?;
                    match (header.entry_type(), name) {
                        (EntryType::Directory, _) if size == 0 => {}
                        (EntryType::Regular, Some(name)) => {
                            if table.files.insert(name.clone(), Extent { start, ..extent }).is_some() {
                                return Err(self.malformed(position, &format!("{name} appears twice")));
                            }
                        }
                        _ => return Err(self.malformed(position, "a directory with content, or a file without a name")),
                    }
                }
                EntryType::Link | EntryType::Symlink | EntryType::Char | EntryType::Block | EntryType::Fifo
                    if size == 0 =>
                {
                    pax = None;
                    let name = String::from_utf8_lossy(&header.path_bytes()).chars().take(120).collect::<String>();
                    let detail = format!("expected files and directories only, found a link or device: {name:?}");
                    table.link.get_or_insert_with(|| protocol(self.place, detail));
                }
                other => {
                    let detail = format!("entry type {:?} is not one of a plain archive", char::from(other.as_byte()));
                    return Err(self.malformed(position, &detail));
                }
            }
            position = extent.end;
        }
        if pax.is_some() {
            return Err(self.malformed(position, "the archive ends after an extended header"));
        }
        table.end = position;
        Ok(table)
    }

    /// The header at `position`; `None` at the end of the archive, which is a block of zeros or the end of the file.
    fn header(&self, position: u64) -> Result<Option<Header>, StoreError> {
        let mut header = Header::new_old();
        match self.fill(header.as_mut_bytes(), position)? {
            0 => return Ok(None),
            512 => {}
            _ => return Err(self.malformed(position, "the archive ends within a header")),
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum = header.as_bytes().iter().zip(0_usize..).fold(0_u32, |sum, (byte, at)| {
            // The checksum's own field counts as spaces.
            sum.saturating_add(u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        });
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(Some(header)),
            _ => Err(self.malformed(position, "not a tar header: its checksum does not fit")),
        }
    }

    fn extent(&self, position: u64, size: u64) -> Result<Extent, StoreError> {
        let end = position
            .checked_add(BLOCK)
            .and_then(|data| Some((data, data.checked_add(size)?.checked_next_multiple_of(BLOCK)?)))
            .filter(|(_, end)| *end <= self.length);
        match end {
            Some((data, end)) => Ok(Extent { start: position, data, size, end }),
            None => Err(self.malformed(position, &format!("an entry of {size} bytes goes beyond the archive's end"))),
        }
    }

    /// The entry's name relative to the archive's root; `None` for the root itself.
    fn name(&self, kind: EntryType, bytes: &[u8], position: u64) -> Result<Option<String>, StoreError> {
        let refuse = || {
            let shown = String::from_utf8_lossy(bytes).chars().take(120).collect::<String>();
            self.malformed(position, &format!("expected a relative name without `..`, found {shown:?}"))
        };
        let name = std::str::from_utf8(bytes).map_err(|_| refuse())?;
        let name = name.strip_prefix("./").unwrap_or(name);
        let name = match kind {
            EntryType::Directory => name.strip_suffix('/').unwrap_or(name),
            _ => name,
        };
        if kind == EntryType::Directory && matches!(name, "" | ".") {
            return Ok(None);
        }
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) || name.contains(['\\', '\0']) {
            return Err(refuse());
        }
        Ok(Some(name.to_owned()))
    }

    /// What a GNU long name says: the whole name, ended by a NUL.
    fn long_name(&self, extent: Extent) -> Result<Pax, StoreError> {
        let bytes = self.extended(extent)?;
        let name = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        match std::str::from_utf8(name) {
            Ok(name) => Ok(Pax { path: Some(name.to_owned()), ..Pax::default() }),
            Err(_) => Err(self.malformed(extent.start, "a long name that is not UTF-8")),
        }
    }

    fn pax(&self, extent: Extent) -> Result<Pax, StoreError> {
        let bytes = self.extended(extent)?;
        Pax::parse(&bytes).ok_or_else(|| self.malformed(extent.start, "not a pax header"))
    }

    /// The bytes of a header that speaks about the next entry.
    fn extended(&self, extent: Extent) -> Result<Vec<u8>, StoreError> {
        if extent.size > self.limits.archive_header_bytes {
            let limit = format!("{} bytes in an extended header", self.limits.archive_header_bytes);
            return Err(StoreError::TooLarge { place: self.place.to_owned(), limit });
        }
        let mut bytes = vec![0_u8; usize::try_from(extent.size).unwrap_or(0)];
        self.fill(&mut bytes, extent.data)?;
        Ok(bytes)
    }

    /// Reads until `buffer` is full or the file ends; the number of bytes read.
    fn fill(&self, buffer: &mut [u8], position: u64) -> Result<usize, StoreError> {
        let mut filled = 0_usize;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = position.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match self.file.read_at(rest, at) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(self.place, &error)),
            }
        }
        Ok(filled)
    }

    fn malformed(&self, position: u64, detail: &str) -> StoreError {
        protocol(self.place, format!("not an archive that all readers agree on, at byte {position}: {detail}"))
    }
}

/// What an extended header says that could make an entry another one.
#[derive(Debug, Default)]
struct Pax {
    size: Option<String>,
    path: Option<String>,
    /// A record that has no place in a plain archive.
    other: Option<String>,
}

impl Pax {
    /// Records are `length SP key = value LF`; the length counts itself. `None` when they are not.
    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut said = Self::default();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(bytes.get(..space)?).ok()?.parse().ok()?;
            let (record, rest) = bytes.split_at_checked(length)?;
            let record = record.get(space.checked_add(1)?..)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = record.split_at_checked(equals)?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let value = text(value.get(1..)?);
            let slot = match key {
                b"size" => Some(&mut said.size),
                b"path" => Some(&mut said.path),
                _ if key == b"linkpath" || key.starts_with(b"GNU.sparse") => Some(&mut said.other),
                _ => None,
            };
            if let Some(slot) = slot
                && slot.replace(if key == b"size" || key == b"path" { value } else { text(key) }).is_some()
            {
                return None;
            }
            bytes = rest;
        }
        Some(said)
    }

    fn refuse_disagreement(
        &self,
        walk: &Scanner<'_>,
        position: u64,
        header: &Header,
        size: u64,
    ) -> Result<(), StoreError> {
        if let Some(said) = self.size.as_ref().filter(|said| **said != size.to_string()) {
            return Err(walk.malformed(position, &format!("the header says {size} bytes, the extended header {said}")));
        }
        let field = header.path_bytes();
        // Readers without support for extended headers find no file of the layout under the beginning of a longer name.
        let continues = |said: &str| field.len() >= FIELD && said.as_bytes().starts_with(&field);
        if let Some(said) = self.path.as_ref().filter(|said| said.as_bytes() != &*field && !continues(said)) {
            let name = String::from_utf8_lossy(&field).into_owned();
            return Err(walk.malformed(position, &format!("the header says {name:?}, the extended header {said:?}")));
        }
        self.other.as_ref().map_or(Ok(()), |key| Err(walk.malformed(position, &format!("pax record {key}"))))
    }

    fn refuse_any(&self, walk: &Scanner<'_>, position: u64) -> Result<(), StoreError> {
        match (&self.size, &self.path, &self.other) {
            (None, None, None) => Ok(()),
            _ => Err(walk.malformed(position, "a global pax header that renames or resizes entries")),
        }
    }
}
