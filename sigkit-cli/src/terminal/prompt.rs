use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};

use zeroize::Zeroizing;

use crate::context::Context;
use crate::terminal::streams::IsTerminal;
use sigkit_core::text::escape;

impl Context {
    /// Asks a question that has a safe answer: anything except `y` or `yes` counts as "no". Read from the terminal, or from standard input
    /// without one.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn confirm(&self, question: &str) -> io::Result<Answer> {
        let question = format!("{} [y/N] ", escape::multi_line(question));
        let answer = match (self.stdin.is_terminal(), Terminal::open()) {
            (IsTerminal::Yes, Ok(mut terminal)) => {
                terminal.0.write_all(question.as_bytes())?;
                String::from_utf8_lossy(&terminal.line()?).into_owned()
            }
            _ => {
                self.stderr.raw(question.as_bytes());
                let answer = self.stdin.read_answer();
                self.stderr.raw(b"\n");
                answer?
            }
        };
        Ok(if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") { Answer::Yes } else { Answer::No })
    }

    /// Asks on the terminal for a line.
    ///
    /// # Errors
    /// The operating system's, when there is no terminal or it goes away.
    pub(crate) fn ask(&self, question: &str) -> io::Result<String> {
        let mut terminal = Terminal::open()?;
        terminal.0.write_all(question.as_bytes())?;
        Ok(String::from_utf8_lossy(&terminal.line()?).into_owned())
    }

    /// Asks on the terminal for a line that is not shown.
    ///
    /// # Errors
    /// The operating system's, when there is no terminal or it goes away.
    pub(crate) fn ask_hidden(&self, question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut terminal = Terminal::open()?;
        let _hidden = self.signals.hide_echo(&terminal.0)?;
        terminal.0.write_all(question.as_bytes())?;
        terminal.line()
    }
}

/// Answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Go on.
    Yes,
    /// Leave it.
    No,
}

struct Terminal(File);

impl Terminal {
    fn open() -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").map(Self)
    }

    /// A line without its end. Terminals hand over whole lines, of 4095 bytes at most.
    fn line(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new([0_u8; 4096]);
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        loop {
            let read = match self.0.read(buffer.as_mut()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let chunk = buffer.get(..read).unwrap_or_default();
            match chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(end) => line.extend_from_slice(chunk.get(..end).unwrap_or_default()),
                None => line.extend_from_slice(chunk),
            }
            let ended = chunk.last().is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
            if ended || line.len() >= buffer.len() {
                return if read == 0 && line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) };
            }
        }
    }
}
