//! Archives made by hand, block by block, so that they can be wrong in one place.

use std::io::Write;
use std::path::Path;

use tar::{EntryType, Header};

/// A tar under construction.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    pub(crate) fn of(files: &[(String, Vec<u8>)]) -> Self {
        files.iter().fold(Self::default(), |tar, (name, bytes)| tar.file(name, bytes))
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, bytes, bytes.len())
    }

    /// An entry whose header says `size`, whatever follows it.
    pub(crate) fn entry(self, kind: EntryType, name: &str, bytes: &[u8], size: usize) -> Self {
        let mut header = Header::new_ustar();
        // Not set_path, which refuses the names that are of interest here.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_mtime(7);
        header.set_size(u64::try_from(size).unwrap());
        header.set_cksum();
        self.raw(header.as_bytes(), bytes)
    }

    pub(crate) fn pax(self, kind: EntryType, records: &[(&str, &str)]) -> Self {
        let bytes: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(kind, "PaxHeaders/x", &bytes, bytes.len())
    }

    fn raw(mut self, header: &[u8], bytes: &[u8]) -> Self {
        self.0.extend_from_slice(header);
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// The archive with its end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    pub(crate) fn write(self, path: &Path) {
        std::fs::File::create(path).unwrap().write_all(&self.finish()).unwrap();
    }
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}").into_bytes()
}
