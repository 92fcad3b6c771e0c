/// Which of several statements must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantifier {
    /// One is enough.
    Any,
    /// Every one.
    Every,
}
