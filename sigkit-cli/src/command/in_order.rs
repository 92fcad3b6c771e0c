//! Work on many images at once. However long one of them takes, the others go on; what came of each is printed in the order named.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::pin;

use futures_util::StreamExt as _;

use crate::error::CliError;
use crate::exit::ExitCode;
use crate::outcome::Output;
use crate::spool::{Document, Spool, SpooledPart};
use crate::terminal::printer::Printer;
use crate::terminal::progress::TICK;

/// What waits in memory for its turn to be printed, in bytes; more of it waits on disk.
const MAX_MEMORY_BYTES: usize = 4 << 20;

/// Does all `work`, `jobs` at once, renders what came of each piece as it comes, with its number, and prints that in the order given.
///
/// # Errors
/// Those of printing, after which nothing more is begun.
pub(super) async fn in_order<T, F: Future<Output = T>>(
    work: impl Iterator<Item = F>,
    jobs: usize,
    mut render: impl FnMut(usize, T) -> Output,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let numbered = work.enumerate().map(|(number, piece)| async move { (number, piece.await) });
    let mut results = pin!(futures_util::stream::iter(numbered).buffer_unordered(jobs));
    let mut waiting = Waiting::default();
    loop {
        let (number, done) = match tokio::time::timeout(TICK, results.next()).await {
            Err(_) => {
                printer.show_progress();
                continue;
            }
            Ok(None) => return Ok(()),
            Ok(Some(next)) => next,
        };
        printer.advance(number);
        waiting.put(number, render(number, done), MAX_MEMORY_BYTES).map_err(waiting_failed)?;
        while let Some(output) = waiting.next().map_err(waiting_failed)? {
            printer.emit(output)?;
        }
    }
}

fn waiting_failed(error: io::Error) -> CliError {
    CliError::system("keep results that wait for an earlier image", error)
}

/// Outputs that wait for those before them.
#[derive(Default)]
struct Waiting {
    /// The number of the next to be printed.
    next: usize,
    kept: BTreeMap<usize, Kept>,
    /// What is kept in memory, in bytes.
    bytes: usize,
    /// The rest, in a file without a name.
    spool: Option<Spool>,
}

enum Kept {
    Here(Output),
    /// On disk.
    Aside {
        stdout: SpooledPart,
        documents: Vec<SpooledPart>,
        report: SpooledPart,
        notes: Vec<SpooledPart>,
        exit: ExitCode,
    },
}

impl Waiting {
    /// Keeps an output; of all together no more than `most` bytes in memory, unless it is the next one.
    fn put(&mut self, number: usize, output: Output, most: usize) -> io::Result<()> {
        let size = weight(&output);
        let kept = if number == self.next || self.bytes.saturating_add(size) <= most {
            self.bytes = self.bytes.saturating_add(size);
            Kept::Here(output)
        } else {
            self.lay_aside(&output)?
        };
        self.kept.insert(number, kept);
        Ok(())
    }

    /// The next output, if it is there.
    fn next(&mut self) -> io::Result<Option<Output>> {
        let Some(kept) = self.kept.remove(&self.next) else { return Ok(None) };
        self.next = self.next.saturating_add(1);
        match kept {
            Kept::Here(output) => {
                self.bytes = self.bytes.saturating_sub(weight(&output));
                Ok(Some(output))
            }
            Kept::Aside { stdout, documents, report, notes, exit } => {
                let notes = notes.iter().map(text).collect::<io::Result<_>>()?;
                let documents = documents.into_iter().map(Document::Spooled).collect();
                Ok(Some(Output { stdout: stdout.read()?, documents, notes, report: text(&report)?, exit }))
            }
        }
    }

    fn lay_aside(&mut self, output: &Output) -> io::Result<Kept> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            spool => spool.insert(Spool::new()?),
        };
        let bytes = |bytes: &[u8]| spool.add(|to| to.write_all(bytes));
        // Those that are on disk stay where they are.
        let documents = output.documents.iter().map(|document| match document {
            Document::Spooled(part) => Ok(part.clone()),
            document => spool.add(|to| document.write_bare(to)),
        });
        Ok(Kept::Aside {
            stdout: bytes(&output.stdout)?,
            documents: documents.collect::<io::Result<_>>()?,
            report: bytes(output.report.as_bytes())?,
            notes: output.notes.iter().map(|note| bytes(note.as_bytes())).collect::<io::Result<_>>()?,
            exit: output.exit,
        })
    }
}

/// About how many bytes an output takes.
fn weight(output: &Output) -> usize {
    let notes = output.notes.iter().fold(0_usize, |sum, note| sum.saturating_add(note.len()));
    let documents = output.documents.iter().fold(0_usize, |sum, document| sum.saturating_add(document.weight()));
    output.stdout.len().saturating_add(output.report.len()).saturating_add(notes).saturating_add(documents)
}

fn text(part: &SpooledPart) -> io::Result<String> {
    String::from_utf8(part.read()?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(number: usize) -> Output {
        Output {
            stdout: format!("result {number}").into_bytes(),
            documents: vec![Document::Bytes(format!("document {number}").into_bytes()), Document::Bytes(Vec::new())],
            notes: vec![format!("note {number}"), String::new(), "ä".to_owned()],
            report: format!("report {number}"),
            exit: ExitCode::Undecided,
        }
    }

    // threat: R37
    #[test]
    fn what_waits_comes_in_order_whether_in_memory_or_aside() {
        for most in [0, 40, usize::MAX] {
            let mut waiting = Waiting::default();
            for number in (1..20).rev() {
                waiting.put(number, output(number), most).unwrap();
                assert!(waiting.next().unwrap().is_none());
                assert!(waiting.bytes <= most);
            }
            assert_eq!(waiting.spool.is_some(), most < usize::MAX);
            waiting.put(0, output(0), most).unwrap();
            for number in 0..20 {
                let (found, expected) = (waiting.next().unwrap().unwrap(), output(number));
                assert_eq!((found.stdout, found.notes), (expected.stdout, expected.notes));
                assert_eq!((found.report, found.exit), (expected.report, expected.exit));
                let mut documents = Vec::new();
                found.documents.iter().for_each(|document| document.write(&mut documents).unwrap());
                assert_eq!(documents, format!("document {number}\n\n").into_bytes());
            }
            assert!(waiting.next().unwrap().is_none());
            assert_eq!(waiting.bytes, 0);
        }
    }
}
