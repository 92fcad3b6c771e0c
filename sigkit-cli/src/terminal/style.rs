//! How the streams show text, decided once for all renderers.

use crate::context::Context;
use crate::style::{Colour, Style, Styles};
use crate::terminal::streams::{Stderr, Stdout};

impl Context {
    /// The styles of both streams.
    pub(crate) fn styles(&self) -> Styles {
        Styles { stdout: self.style(Stdout::columns()), stderr: self.style(Stderr::columns()) }
    }

    /// Colours for a stream that a person watches, unless `NO_COLOR` is set.
    fn style(&self, columns: Option<usize>) -> Style {
        let columns = self.columns(columns);
        let coloured = columns.is_some() && self.environment.non_empty("NO_COLOR").is_none();
        Style::new(columns, if coloured { Colour::On } else { Colour::Off })
    }
}
