//! How far work on many images is: a line that is redrawn on a terminal, and a plain one in logs when it takes long.

use std::time::{Duration, Instant};

/// When a single image or the first of many is shown, and how often the line is drawn again.
pub(crate) const TICK: Duration = Duration::from_millis(500);
/// After this time a log is told that the work goes on.
const LONG: Duration = Duration::from_secs(5);
/// Length of the bar, in characters.
const BAR: usize = 20;

/// How the line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// On a terminal of so many columns, drawn again and again.
    Drawn {
        /// Its width, if it is known.
        columns: Option<usize>,
    },
    /// Once, when it takes long.
    Told,
    /// Never.
    Hidden,
}

/// How far the work is.
#[derive(Debug)]
pub(crate) struct Progress {
    manner: Manner,
    /// What is done to them: `Verifying`.
    doing: &'static str,
    /// Those that are not done, by number.
    open: std::collections::BTreeMap<usize, String>,
    all: usize,
    begun: Instant,
    told: bool,
}

/// What to show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Replaces the last line.
    Line(String),
    /// A line of its own.
    Note(String),
    Nothing,
}

impl Progress {
    /// Nothing is done yet.
    pub(crate) fn new(manner: Manner, doing: &'static str, names: impl IntoIterator<Item = String>) -> Self {
        let open: std::collections::BTreeMap<_, _> = names.into_iter().enumerate().collect();
        Self { manner, doing, all: open.len(), open, begun: Instant::now(), told: false }
    }

    /// The one of this number is done.
    pub(crate) fn advance(&mut self, number: usize) {
        self.open.remove(&number);
    }

    /// What to show now.
    pub(crate) fn show(&mut self) -> Shown {
        self.after(self.begun.elapsed())
    }

    fn after(&mut self, elapsed: Duration) -> Shown {
        let done = self.all.saturating_sub(self.open.len());
        let (doing, all) = (self.doing, self.all);
        let Some((_, name)) = self.open.first_key_value() else {
            return match self.manner {
                Manner::Drawn { .. } if all > 1 => Shown::Line(bar(doing, done, all)),
                _ => Shown::Nothing,
            };
        };
        match self.manner {
            // What is done at once needs no line.
            Manner::Drawn { .. } if all == 1 && elapsed < TICK => Shown::Nothing,
            Manner::Drawn { columns } => {
                let line = match all {
                    1 => format!("{doing} {name}"),
                    _ => format!("{}  {name}", bar(doing, done, all)),
                };
                let line = match elapsed < LONG {
                    true => line,
                    false => format!("{line} ({} s)", elapsed.as_secs()),
                };
                Shown::Line(clip(line, columns))
            }
            Manner::Told if elapsed >= LONG && !self.told => {
                self.told = true;
                let seconds = elapsed.as_secs();
                Shown::Note(match all {
                    1 => format!("{doing} {name}: not done after {seconds} s, going on"),
                    _ => format!("{doing} {all} images: {done} done after {seconds} s, going on with {name}"),
                })
            }
            Manner::Told | Manner::Hidden => Shown::Nothing,
        }
    }
}

fn bar(doing: &str, done: usize, all: usize) -> String {
    let full = done.saturating_mul(BAR).checked_div(all).unwrap_or_default();
    let (full, rest) = ("█".repeat(full), "░".repeat(BAR.saturating_sub(full)));
    format!("{doing} {full}{rest} {done} of {all}")
}

/// A line that wraps could not be taken away again.
fn clip(line: String, columns: Option<usize>) -> String {
    let room = columns.unwrap_or(80).saturating_sub(1);
    if line.chars().count() <= room {
        return line;
    }
    let kept: String = line.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn line_has_verb_bar_and_the_first_that_is_not_done() {
        let at = Duration::from_secs;
        let drawn = |columns| Manner::Drawn { columns: Some(columns) };
        let mut progress = Progress::new(drawn(100), "Verifying", names(&["a", "b", "c", "d"]));
        let line = |done: &str| Shown::Line(format!("Verifying {done}"));
        assert_eq!(progress.after(at(0)), line("░░░░░░░░░░░░░░░░░░░░ 0 of 4  a"));
        progress.advance(1);
        assert_eq!(progress.after(at(1)), line("█████░░░░░░░░░░░░░░░ 1 of 4  a"));
        progress.advance(0);
        assert_eq!(progress.after(at(7)), line("██████████░░░░░░░░░░ 2 of 4  c (7 s)"));
        (2..4).for_each(|number| progress.advance(number));
        assert_eq!(progress.after(at(7)), line("████████████████████ 4 of 4"));
        let mut narrow = Progress::new(drawn(30), "Signing", names(&["registry.example/app:v1", "b"]));
        assert_eq!(narrow.after(at(0)), Shown::Line("Signing ░░░░░░░░░░░░░░░░░░░░…".to_owned()));
        let mut one = Progress::new(drawn(100), "Verifying", names(&["a"]));
        assert_eq!((one.after(at(0)), one.after(at(1))), (Shown::Nothing, line("a")));
    }

    #[test]
    fn log_is_told_once_after_five_seconds() {
        let mut progress = Progress::new(Manner::Told, "Verifying", names(&["a", "b", "c"]));
        progress.advance(0);
        let at = |seconds| Duration::from_secs(seconds);
        assert_eq!(progress.after(at(4)), Shown::Nothing);
        let note = "Verifying 3 images: 1 done after 5 s, going on with b";
        assert_eq!((progress.after(at(5)), progress.after(at(9))), (Shown::Note(note.to_owned()), Shown::Nothing));
        let mut one = Progress::new(Manner::Told, "Signing", names(&["a"]));
        assert_eq!(one.after(at(6)), Shown::Note("Signing a: not done after 6 s, going on".to_owned()));
        let mut hidden = Progress::new(Manner::Hidden, "Signing", names(&["a"]));
        assert_eq!(hidden.after(at(60)), Shown::Nothing);
    }
}
