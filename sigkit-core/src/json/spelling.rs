//! Names of members as Go reads them: `encoding/json` takes `Layers` for `layers`, and of several spellings the last.
//!
//! Nearly all tools that load images are written in Go. Where they would read another member than we do, nothing is read.

use super::JsonError;

/// Refuses a name that is another spelling of one that is `known`.
pub(crate) fn refuse_others<'a>(names: impl IntoIterator<Item = &'a str>, known: &[&str]) -> Result<(), JsonError> {
    for name in names {
        let same = known.iter().find(|known| **known != name && name.chars().map(fold).eq(known.chars().map(fold)));
        if let Some(known) = same {
            let text = format!("expected {known:?}, found {name:?}, which many readers take for the same member");
            return Err(JsonError::new(text));
        }
    }
    Ok(())
}

/// A letter without its case, as Go folds it: the long s and the Kelvin sign are letters of ASCII to it.
const fn fold(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R01
    #[test]
    fn a_name_in_another_spelling_is_refused() {
        for name in ["Layers", "LAYERS", "layerS", "layer\u{17f}"] {
            let error = refuse_others(["config", name], &["layers", "config"]).expect_err(name);
            assert!(error.to_string().contains("\"layers\""), "{error}");
        }
        assert!(refuse_others(["layers", "config", "layer", "layersources", "é"], &["layers", "config"]).is_ok());
        assert!(refuse_others(["\u{212a}ind"], &["kind"]).is_err());
    }
}
