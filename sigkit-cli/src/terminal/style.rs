//! How the streams show text, decided once for all renderers.

use crate::context::Context;
use sigkit_core::report::{Colors, TextStyle};

use crate::style::Styles;
use crate::terminal::streams::{Stderr, Stdout};

impl Context {
    /// The styles of both streams.
    pub(crate) fn styles(&self) -> Styles {
        Styles { stdout: self.style(Stdout::columns()), stderr: self.style(Stderr::columns()) }
    }

    /// Colours for a stream that a person watches, unless `NO_COLOR` is set.
    fn style(&self, columns: Option<usize>) -> TextStyle {
        let columns = self.columns(columns);
        let colored = columns.is_some() && self.environment.non_empty("NO_COLOR").is_none();
        TextStyle::new(columns, if colored { Colors::On } else { Colors::Off })
    }
}
